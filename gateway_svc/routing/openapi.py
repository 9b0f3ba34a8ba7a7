"""The merged OpenAPI document: what all services with routes say of themselves, as one.

Equal components are shared; of two different ones with the same name the later gets its service's name in front.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]

#: The scheme that operations refer to; it is the gateway that verifies tokens.
BEARER = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

_REF = re.compile(r"^#/components/([A-Za-z]+)/(.+)$")


def merge(documents: Mapping[str, Document], *, version: str, covers: Callable[[str, str], bool]) -> Document:
    """Merge `documents` by service; `covers(service, path)` tells which paths clients can reach there."""
    merged: Document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Micro TODO",
            "version": version,
            "description": "All public operations. Send access tokens as `Authorization: Bearer`.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": service} for service in sorted(documents)],
        "paths": {},
        "components": {"securitySchemes": {"bearer": BEARER}},
    }
    for service in sorted(documents):
        document = _renamed(service, documents[service], merged["components"])
        for kind, components in document.get("components", {}).items():
            merged["components"].setdefault(kind, {}).update(components)
        for path, operations in document.get("paths", {}).items():
            if covers(service, path):
                merged["paths"][path] = _tagged(service, operations)
    return _with_unique_operation_ids(merged)


def _renamed(service: str, document: Document, taken: Mapping[str, Mapping[str, Any]]) -> Document:
    """Give `document` with new names for components that collide with different ones of the same name."""
    names = {
        (kind, name): f"{service.capitalize()}{name}"
        for kind, components in document.get("components", {}).items()
        for name, component in components.items()
        if taken.get(kind, {}).get(name, component) != component
    }
    if not names:
        return document
    changed: Document = _with_refs(document, names)
    changed["components"] = {
        kind: {names.get((kind, name), name): component for name, component in components.items()}
        for kind, components in changed["components"].items()
    }
    return changed


def _with_refs(value: Any, names: Mapping[tuple[str, str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _ref(item, names) if key == "$ref" else _with_refs(item, names) for key, item in value.items()}
    return [_with_refs(item, names) for item in value] if isinstance(value, list) else value


def _ref(value: Any, names: Mapping[tuple[str, str], str]) -> Any:
    match = _REF.match(value) if isinstance(value, str) else None
    new = names.get((match[1], match[2])) if match else None
    return f"#/components/{match[1]}/{new}" if match and new else value


def _tagged(service: str, operations: Document) -> Document:
    return {
        method: {**operation, "tags": [service]} if isinstance(operation, dict) else operation
        for method, operation in operations.items()
    }


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
