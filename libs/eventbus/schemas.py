"""The check of an event against its schema, and of its size, before anything of it is written."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import fastjsonschema

from libs.contracts.event import Event
from libs.contracts.schemas import schema_of

#: The data of an event, as JSON, in bytes. Brokers have limits, and a relay could never get past an event beyond them.
LARGEST = 1024 * 1024


class InvalidEvent(ValueError):
    """The data of an event breaks its schema or is too large; the text names type, version and field, and no values."""


def check(event: Event) -> None:
    """Raise InvalidEvent where the data of `event` is not what its type promises, or too much. Costs about 5 µs."""
    kind: Any = type(event)
    data = event.data()
    try:
        _validator(kind)(data)
    except fastjsonschema.JsonSchemaValueException as error:
        raise InvalidEvent(f"{event.type} version {event.dataversion}: {error.message}") from None
    size = len(json.dumps(data))
    if size > LARGEST:
        raise InvalidEvent(f"{event.type} version {event.dataversion}: {size} bytes of data are more than {LARGEST}")


@cache
def _validator(event: Any) -> Callable[[Any], Any]:
    """Compile the schema to Python code, once per type and process."""
    made: Callable[[Any], Any] = fastjsonschema.compile(schema_of(event), use_default=False, detailed_exceptions=False)
    return made
