"""OpenAPI 3.1 by drf-spectacular: only public operations, each with its scope and its problem answers."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from libs.webapi import idempotency
from libs.webapi.access import Public, Service, User
from libs.webapi.components import ANSWERS, HEADERS, PROBLEM, RESPONSE_REF
from libs.webapi.views import View

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": idempotency.MAX_LENGTH},
    OpenApiParameter.HEADER,
    description="The same request with the same key has one effect; it is answered again for 24 hours.",
)


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the access token."""

    target_class = "libs.webapi.authentication.CallAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Give the security scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class Schema(AutoSchema):
    """Takes the scopes from the view's `access`."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Give the security requirement of this operation; none for public ones."""
        super().get_auth()  # registers the scheme
        access = getattr(self.view, "access", None)
        return [{"bearer": _scopes(access, self.method)}] if isinstance(access, User) else []

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Describe the operation, with what it asks of the caller in words and as `x-required-scopes`."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        access = getattr(self.view, "access", None)
        if operation and isinstance(access, User):
            scopes = _scopes(access, self.method)
            words = f"Needs the scope `{scopes[0]}`." if scopes else "Needs a signed-in user."
            operation["description"] = f"{operation.get('description', '')}\n\n{words}".strip()
            operation["x-required-scopes"] = scopes
        return operation

    def get_override_parameters(self) -> list[Any]:
        """Give the query parameters that the view declares in `Params`, and Idempotency-Key where it is heeded."""
        params = getattr(self.view, "Params", None)
        if self.method in ("POST", "PATCH") and isinstance(self.view, View) and self.view.heeds_keys:
            return [IDEMPOTENCY_KEY]
        return [params] if params and self.method == "GET" else []

    def _get_request_body(self, direction: str = "request") -> Any:
        """Describe the body of a DELETE too, where the view names one; drf-spectacular leaves it out."""
        if self.method != "DELETE":
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        serializer = self.get_request_serializer()
        if serializer is None:
            return None
        schema = self.resolve_serializer(force_instance(serializer), "request").ref  # type: ignore[no-untyped-call]
        return {"content": {"application/json": {"schema": schema}}, "required": True}


def _scopes(access: User, method: str) -> list[str]:
    scope = access.scope(method)
    return [scope] if scope else []


def only_public(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Keep the operations that may be called from outside."""
    return [e for e in endpoints if isinstance(getattr(e[3].cls, "access", None), Public | User)]


def with_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add to every operation the problems that it may answer, as shared components."""
    used = set()
    for path, operations in result.get("paths", {}).items():
        for operation in operations.values():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            _describe(operation["responses"])
            for status in _problems_of(path, operation):
                operation["responses"].setdefault(status, {"$ref": RESPONSE_REF + ANSWERS[status][0]})
                used.add(status)
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components.setdefault("responses", {}).update(ANSWERS[status] for status in sorted(used))
    if "401" in used:
        components.setdefault("headers", {}).update(HEADERS)
    return _without_enum_ids(result)  # type: ignore[no-any-return]


def _problems_of(path: str, operation: dict[str, Any]) -> list[str]:
    found = ["400"]
    if operation.get("security"):
        found += ["401", "403"]
    if "{" in path:
        found.append("404")
    if "requestBody" in operation:
        found.append("422")
    return [*found, "default"]


def _describe(responses: dict[str, Any]) -> None:
    """Give answers that have no description the phrase of their status."""
    for status, response in responses.items():
        if status.isdecimal() and not response.get("description", "-"):
            response["description"] = HTTPStatus(int(status)).phrase


def _without_enum_ids(value: Any) -> Any:
    """Drop drf-spectacular's internal marks, which its own hook would use to name enumerations."""
    if isinstance(value, dict):
        return {name: _without_enum_ids(item) for name, item in value.items() if name != "x-spec-enum-id"}
    return [_without_enum_ids(item) for item in value] if isinstance(value, list) else value


class Document(View):
    """This service's own OpenAPI document, for the gateway to merge."""

    access = Service("gateway")
    schema = None

    def get(self, request: Request) -> Response:
        """Generate the document."""
        return self.ok(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


document = Document.as_view()
