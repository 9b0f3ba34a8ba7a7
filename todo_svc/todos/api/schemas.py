"""How OpenAPI describes the fields that DRF does not know. The null of nullable fields is added by drf-spectacular."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

LOCAL = {"type": "string", "description": "A time without offset", "example": "2026-11-23T09:00:00"}
FORMS: dict[str, dict[str, Any]] = {
    "date": {"date": {"type": "string", "format": "date"}},
    "timezone": {"local": LOCAL, "timezone": {"type": "string", "example": "Europe/Berlin"}},
    "floating": {"local": LOCAL, "floating": {"type": "boolean", "const": True}},
}


class DueSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Describes the three forms of a due."""

    target_class = "todo_svc.todos.api.fields.DueField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Give one schema for each form."""
        return {
            "oneOf": [
                {"type": "object", "required": list(members), "properties": members, "additionalProperties": False}
                for members in FORMS.values()
            ]
        }


class NullSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Describes a member that is always null."""

    target_class = "todo_svc.todos.api.fields.NotYet"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Give a choice to which only null is added."""
        return {"oneOf": []}
