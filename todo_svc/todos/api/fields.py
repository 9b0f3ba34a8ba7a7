"""Fields of bodies and query parameters that DRF takes less strictly, or does not have."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from todo_svc.todos import due
from todo_svc.todos.selectors.tasks import SORTS

COLOR = r"^(#[0-9A-Fa-f]{3,8}|[A-Za-z][A-Za-z0-9_-]{0,31})\Z"
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
MAX_TEXT_BYTES = 64 * 1024


class Text(serializers.CharField):
    """A JSON string; numbers are not taken for one. `max_bytes` limits its UTF-8."""

    def __init__(self, *, max_bytes: int | None = None, **kwargs: Any) -> None:
        """Take DRF's options too."""
        self.max_bytes = max_bytes
        super().__init__(**kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse what is no string before DRF makes one of it."""
        if data is not serializers.empty and data is not None and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """Check the length in bytes."""
        value = super().to_internal_value(data)
        if self.max_bytes and len(value.encode("utf-8", "surrogatepass")) > self.max_bytes:
            raise serializers.ValidationError(f"at most {self.max_bytes} bytes", code="max_length")
        return value


class Email(serializers.EmailField):
    """A JSON string that is an address."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Refuse what is no string before DRF makes one of it."""
        if data is not serializers.empty and data is not None and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)


class Whole(serializers.IntegerField):
    """A JSON integer; texts and booleans are not taken for one."""

    def to_internal_value(self, data: Any) -> int:
        """Refuse everything else."""
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Id(serializers.UUIDField):
    """A UUID in its usual form with hyphens."""

    def to_internal_value(self, data: Any) -> UUID:
        """Refuse integers and other spellings."""
        if not isinstance(data, str) or len(data) != 36:
            self.fail("invalid", value=str(data)[:40].encode("ascii", "replace").decode())
        value: UUID = super().to_internal_value(data)
        return value


class Names(serializers.ListField):
    """A list without repetitions; null empties it."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Take null for an empty list (RFC 7396)."""
        return [] if data is None else super().run_validation(data)

    def to_internal_value(self, data: Any) -> list[str]:
        """Drop repetitions and keep the order."""
        return list(dict.fromkeys(str(value) for value in super().to_internal_value(data)))


class DueField(serializers.Field[Any, Any, Any, Any]):
    """A due in one of its forms; in a patch it is checked where it is merged."""

    def to_internal_value(self, data: Any) -> Any:
        """Check the form."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("an object or null", code="invalid")
        if not self.parent.partial:
            self._refuse(due.problems(data))
        return dict(data)

    def to_representation(self, value: Any) -> Any:
        """Show it as it was given."""
        return value

    def _refuse(self, problems: list[Any]) -> None:
        if problems:
            found = {
                problem.pointer.removeprefix("/") or "non_field_errors": [ErrorDetail(problem.detail, problem.code)]
                for problem in problems
            }
            raise serializers.ValidationError(found)


class NotYet(serializers.Field[Any, Any, Any, Any]):
    """A member that can only be null."""

    def to_internal_value(self, data: Any) -> None:
        """Refuse every value."""
        raise serializers.ValidationError("only null is possible", code="not_null")

    def to_representation(self, value: Any) -> None:
        """Show null."""
        return


@extend_schema_field(OpenApiTypes.STR)
class DateOrInstant(serializers.Field[Any, Any, Any, Any]):
    """A query parameter that is a date, or an instant of RFC 3339."""

    def to_internal_value(self, data: Any) -> date | datetime:
        """Parse it."""
        try:
            if INSTANT.fullmatch(str(data)):
                return datetime.fromisoformat(str(data).upper()).astimezone(UTC)
            if due.DATE.fullmatch(str(data)):
                return date.fromisoformat(str(data))
        except (ValueError, OverflowError):
            pass
        raise serializers.ValidationError("a date like 2026-11-23 or an instant like 2026-11-23T09:00:00Z")

    def to_representation(self, value: Any) -> str:
        """Show it as text."""
        return str(value.isoformat())


class Instant(DateOrInstant):
    """A query parameter that is an instant of RFC 3339."""

    def to_internal_value(self, data: Any) -> datetime:
        """Parse it."""
        value = super().to_internal_value(data)
        if not isinstance(value, datetime):
            raise serializers.ValidationError("an instant like 2026-11-23T09:00:00Z")
        return value


SORT_CHOICES = [sign + name for name in SORTS for sign in ("", "-")]
