"""The components that all OpenAPI documents share: the problem document (RFC 9457), and the answers that carry one.

Nothing here needs Django's models: the gateway, which has none, describes its own answers with it.
"""

from typing import Any

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
        "service": {"type": "string", "description": "Of the gateway's own answers: the service that was asked."},
        "retryable": {"type": "boolean", "description": "Of the gateway's own answers: whether to send it again."},
    },
}

#: Where each component is.
PROBLEM_REF = "#/components/schemas/Problem"
RESPONSE_REF = "#/components/responses/"
HEADER_REF = "#/components/headers/"


def problem_answer(description: str, *headers: str) -> dict[str, Any]:
    """Describe an answer with a problem document, and the headers (components by these names) that it has."""
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": PROBLEM_REF}}},
    }
    if headers:
        answer["headers"] = {name: {"$ref": HEADER_REF + name} for name in headers}
    return answer


#: The answers that operations share, by status and the name of their component.
ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "400": ("BadRequest", problem_answer("The request is malformed, or has an unknown query parameter.")),
    "401": ("Unauthenticated", problem_answer("A valid access token is needed.", "WWW-Authenticate")),
    "403": ("PermissionDenied", problem_answer("The token lacks the scope, or the user may see this and not do that.")),
    "404": ("NotFound", problem_answer("There is no such thing, or the user may not see it.")),
    "422": ("ValidationFailed", problem_answer("At least one field is not valid; `errors` names each.")),
    "default": ("Problem", problem_answer("Any other problem; `code` says which.")),
}
HEADERS: dict[str, dict[str, Any]] = {
    "WWW-Authenticate": {"description": "`Bearer`", "schema": {"type": "string"}},
}
