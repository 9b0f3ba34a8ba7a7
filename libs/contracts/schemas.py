"""JSON Schemas of the events' data, derived from their dataclasses: one per type and dataversion.

A published version only grows: a field may be added, none is removed or gets another type. Another meaning is another
`dataversion`.
"""

import importlib
import pkgutil
import types
from typing import Any, Union, get_args, get_origin, get_type_hints

from libs import contracts
from libs.contracts.event import Event, data_names, event_types

_SIMPLE = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def schema_of(event: type[Event]) -> dict[str, Any]:
    """Give the schema (draft 7) of what `event` carries as data; TypeError where a field's type is not JSON."""
    hints = get_type_hints(event)
    names = data_names(event)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"{event.type} version {event.dataversion}",
        "description": (event.__doc__ or "").strip(),
        "type": "object",
        "properties": {name: _schema(hints[field]) for field, name in names.items()},
        "required": list(names.values()),
    }


def declared() -> dict[str, dict[str, Any]]:
    """Give the schemas of all events in `libs.contracts`, by title."""
    for module in pkgutil.iter_modules(contracts.__path__):
        importlib.import_module(f"{contracts.__name__}.{module.name}")
    ours = [event for event in event_types() if event.__module__.startswith(f"{contracts.__name__}.")]
    schemas = [schema_of(event) for event in ours]
    return {schema["title"]: schema for schema in sorted(schemas, key=lambda schema: str(schema["title"]))}


def _schema(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if hint in _SIMPLE:
        return {"type": _SIMPLE[hint]}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(each) for each in arguments]}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict and arguments[0] is str:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    raise TypeError(f"{hint!r} is no type of a JSON value")
