"""What tests ask of OpenAPI documents beyond their validity."""

from typing import Any


def dangling(document: dict[str, Any]) -> set[str]:
    """Find the references of `document` that lead nowhere; validators follow only some."""
    named = {f"#/components/{kind}/{name}" for kind, items in document["components"].items() for name in items}
    return _references(document) - named


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(_references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own.union(*map(_references, value.values()))
