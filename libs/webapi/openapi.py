"""OpenAPI 3.1 by drf-spectacular: only public operations, each with its scope and its problem answers."""

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
from libs.webapi.views import View

PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
    },
}


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
        if not isinstance(access, User):
            return []
        scope = access.scope(self.method)
        return [{"bearer": [scope] if scope else []}]

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


def only_public(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Keep the operations that may be called from outside."""
    return [e for e in endpoints if isinstance(getattr(e[3].cls, "access", None), Public | User)]


def with_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the problem document as the default answer of every operation."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    answer = {
        "description": "A problem",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", answer)
    return _without_enum_ids(result)  # type: ignore[no-any-return]


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
