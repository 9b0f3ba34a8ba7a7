"""The merged OpenAPI document: what all services with routes say of themselves, as one.

Equal components are shared; of two different ones with the same name the later gets its service's name in front. To
each operation the gateway adds the answers that are its own.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from libs.webapi.components import PROBLEM, RESPONSE_REF, problem_answer

Document = dict[str, Any]

#: The scheme that operations refer to; it is the gateway that verifies tokens.
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

#: What any operation may answer because the gateway is in between: status, name of the component, answer.
ANSWERS = (
    ("413", "PayloadTooLarge", problem_answer("The body is larger than the service takes.")),
    ("429", "TooManyRequests", problem_answer(
        "The user, the token or the address sends more than its limit.", "Retry-After", "RateLimit", "RateLimit-Policy"
    )),
    ("502", "BadGateway", problem_answer("The service gave no valid answer.")),
    ("503", "Unavailable", problem_answer("The service is away, or has too much to do.", "Retry-After")),
    ("504", "DeadlineExceeded", problem_answer("The service did not answer in time.")),
)  # fmt: skip
HEADERS: dict[str, Document] = {
    "Retry-After": {
        "description": "Seconds after which to send the request again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Policy": {
        "description": "The limits that apply: requests (`q`) in so many seconds (`w`).",
        "schema": {"type": "string"},
        "example": '"user";q=1200;w=60',
    },
    "RateLimit": {
        "description": "What is left of each: requests (`r`), and seconds to the next one (`t`).",
        "schema": {"type": "string"},
        "example": '"user";r=1199;t=1',
    },
}

DESCRIPTION = """
All public operations. Send access tokens as `Authorization: Bearer`; each operation names the scope that it needs.

Problems are `application/problem+json` (RFC 9457). Every answer has `X-Request-ID`, and where limits apply
`RateLimit` and `RateLimit-Policy`.
""".strip()

_METHODS = frozenset(("get", "put", "post", "delete", "options", "head", "patch", "trace"))
_REF = re.compile(r"^#/components/([A-Za-z]+)/(.+)$")


def merge(documents: Mapping[str, Document], *, version: str, covers: Callable[[str, str], bool]) -> Document:
    """Merge `documents` by service; `covers(service, path)` tells which paths clients can reach there."""
    merged: Document = {
        "openapi": "3.1.0",
        "info": {"title": "Micro TODO", "version": version, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": service} for service in sorted(documents)],
        "paths": {},
        "components": {
            "schemas": {"Problem": PROBLEM},
            "responses": {name: answer for _, name, answer in ANSWERS},
            "headers": dict(HEADERS),
            "securitySchemes": {"bearer": BEARER},
        },
    }
    for service in sorted(documents):
        document = _renamed(service, documents[service], merged["components"])
        for kind, components in document.get("components", {}).items():
            merged["components"].setdefault(kind, {}).update(components)
        for path, item in document.get("paths", {}).items():
            if covers(service, path):
                merged["paths"][path] = _ours(service, item)
    return _with_unique_operation_ids(merged)


def check(document: Any) -> Document:
    """Give `document` if it is one that can be merged; ValueError says why not."""
    if not isinstance(document, dict):
        raise ValueError("the document is no object")  # noqa: TRY004  (bad data, as bad JSON is)
    if not str(document.get("openapi", "")).startswith("3.1."):
        raise ValueError(f"the document is of OpenAPI {document.get('openapi')}, and not 3.1")
    for kind in ("paths", "components"):
        items = document.get(kind, {})
        if not isinstance(items, dict) or not all(isinstance(item, dict) for item in items.values()):
            raise ValueError(f"{kind} is no object of objects")
    return document


def _renamed(service: str, document: Document, taken: Mapping[str, Mapping[str, Any]]) -> Document:
    """Give `document` with new names for components that collide with different ones of the same name.

    One that refers to a renamed one becomes different by that, so this goes on until nothing collides.
    """
    names: dict[tuple[str, str], str] = {}
    while True:
        changed = _with_names(document, names)
        colliding = [
            (kind, name)
            for kind, components in changed.get("components", {}).items()
            for name, component in components.items()
            if taken.get(kind, {}).get(name, component) != component
        ]
        if not colliding:
            return changed
        for kind, name in colliding:
            others = {**taken.get(kind, {}), **changed["components"][kind]}
            names[kind, name] = _free(f"{service.capitalize()}{name}", others)


def _with_names(document: Document, names: Mapping[tuple[str, str], str]) -> Document:
    if not names:
        return document
    changed: Document = _with_refs(document, names)
    changed["components"] = {
        kind: {names.get((kind, name), name): component for name, component in components.items()}
        for kind, components in changed["components"].items()
    }
    return changed


def _free(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name


def _with_refs(value: Any, names: Mapping[tuple[str, str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _ref(item, names) if key == "$ref" else _with_refs(item, names) for key, item in value.items()}
    return [_with_refs(item, names) for item in value] if isinstance(value, list) else value


def _ref(value: Any, names: Mapping[tuple[str, str], str]) -> Any:
    match = _REF.match(value) if isinstance(value, str) else None
    new = names.get((match[1], match[2])) if match else None
    return f"#/components/{match[1]}/{new}" if match and new else value


def _ours(service: str, item: Document) -> Document:
    """Give a path's operations as the gateway offers them: under the service's tag, with our answers."""
    return {
        key: _offered(service, value) if key in _METHODS and isinstance(value, dict) else value
        for key, value in item.items()
    }


def _offered(service: str, operation: Document) -> Document:
    ours = {
        status: {"$ref": RESPONSE_REF + name}
        for status, name, _ in ANSWERS
        if status != "413" or "requestBody" in operation
    }
    return {**operation, "tags": [service], "responses": {**ours, **operation.get("responses", {})}}


def _with_unique_operation_ids(merged: Document) -> Document:
    seen: set[str] = set()
    for operations in merged["paths"].values():
        for operation in operations.values():
            if not isinstance(operation, dict) or "operationId" not in operation:
                continue
            if operation["operationId"] in seen:
                operation["operationId"] = f"{operation['tags'][0]}_{operation['operationId']}"
            seen.add(operation["operationId"])
    return merged


def encode(document: Document) -> bytes:
    """Write a document as compact JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
