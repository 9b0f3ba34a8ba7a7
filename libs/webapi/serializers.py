"""Bodies and query parameters, checked by DRF serializers that refuse what they do not know."""

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.request import Request

from libs.contracts.errors import BadRequest, FieldError, ValidationFailed

#: The default and largest page.
DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Strict(serializers.Serializer[Any]):
    """A serializer to which an unknown field is an error."""

    _sent: Mapping[str, Any] | None = None

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown names, also those of nested objects, before anything else is checked."""
        if isinstance(data, Mapping):
            unknown = {name: ["unknown field"] for name in data if name not in self.fields or self._read_only(name)}
            if unknown:
                raise serializers.ValidationError(unknown, code="unknown_field")
            self._sent = data
        return super().to_internal_value(data)

    @property
    def _writable_fields(self) -> list[Any]:
        """Give DRF the fields that it has to look at: to learn that one was left out costs as much as to check it."""
        fields = super()._writable_fields
        if self._sent is None:
            return list(fields)
        return [each for each in fields if each.field_name in self._sent or each.required or each.default is not empty]

    def _read_only(self, name: str) -> bool:
        return bool(self.fields[name].read_only)


class Nothing(Strict):
    """No members: an action needs no more than its address."""


class Query(Strict):
    """Query parameters. `limit` and `cursor` are known to all; see `View.page`."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=MAX_LIMIT)
    cursor = serializers.CharField(required=False)


def validated(
    serializer_class: type[serializers.Serializer[Any]], data: Any, *, partial: bool = False, **context: Any
) -> dict[str, Any]:
    """Give `data` as `serializer_class` reads it; ValidationFailed, which names each wrong field, otherwise."""
    if not isinstance(data, Mapping):
        raise ValidationFailed.of("", "not_an_object", "the body is a JSON object")
    values, found = _checked(serializer_class, data, partial=partial, **context)
    if found:
        raise ValidationFailed(_sentence(found), errors=found)
    return values


def query_params(serializer_class: type[Query], request: Request) -> dict[str, Any]:
    """Give the valid query parameters; BadRequest for unknown, repeated or invalid ones."""
    _check_encoding(request)
    repeated = [name for name, values in request.query_params.lists() if len(values) > 1]
    if repeated:
        raise BadRequest(f"query parameter {repeated[0]!r} is given twice", code="invalid_parameter")
    values, found = _checked(serializer_class, request.query_params.dict())
    if found:
        code = "unknown_parameter" if found[0].code == "unknown_field" else "invalid_parameter"
        named = [FieldError(error.pointer.lstrip("/"), error.code, error.detail) for error in found]
        text = "; ".join(f"{error.pointer}: {error.detail}" for error in named)
        raise BadRequest(text, code=code, extra={"parameters": [error.pointer for error in named]})
    return values


class _Idle(threading.local):
    """The serializers of this thread. DRF copies all fields for each new one, which costs more than to use them."""

    def __init__(self) -> None:
        self.made: dict[tuple[type[serializers.Serializer[Any]], bool], serializers.Serializer[Any]] = {}


_idle = _Idle()


def _checked(
    serializer_class: type[serializers.Serializer[Any]], data: Any, *, partial: bool = False, **context: Any
) -> tuple[dict[str, Any], list[FieldError]]:
    """Run the checks; give the values, or what is wrong."""
    key = serializer_class, partial
    serializer = _idle.made.get(key) or _idle.made.setdefault(key, serializer_class(partial=partial))
    serializer._context = context  # noqa: SLF001  (DRF takes it when one is made)
    try:
        return dict(serializer.run_validation(data)), []
    except serializers.ValidationError as error:
        return {}, field_errors(error.detail)
    finally:
        serializer._context = {}  # noqa: SLF001


def _check_encoding(request: Request) -> None:
    """Refuse bytes that are no UTF-8, for which Django would put a replacement character."""
    try:
        unquote_to_bytes(request.META.get("QUERY_STRING", "").encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise BadRequest("the query is not UTF-8", code="invalid_parameter") from None


def field_errors(errors: Any, pointer: str = "") -> list[FieldError]:
    """Flatten DRF's nested errors into JSON pointers."""
    if isinstance(errors, Mapping):
        found = []
        for name, value in errors.items():
            part = "" if name == "non_field_errors" else f"/{str(name).replace('~', '~0').replace('/', '~1')}"
            found += field_errors(value, pointer + part)
        return found
    if isinstance(errors, list) and any(isinstance(item, (Mapping, list)) for item in errors):
        return [e for i, item in enumerate(errors) if item for e in field_errors(item, f"{pointer}/{i}")]
    items = errors if isinstance(errors, list) else [errors]
    return [FieldError(pointer, str(getattr(item, "code", "invalid")), _shown(str(item))) for item in items]


def _shown(text: str) -> str:
    """Replace lone surrogates of values that a message repeats: no answer can carry them."""
    return text.encode(errors="replace").decode()


def _sentence(found: list[FieldError]) -> str:
    return "; ".join(f"{error.pointer or 'the body'}: {error.detail}" for error in found[:5])
