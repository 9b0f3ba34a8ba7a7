"""The base of all events: immutable facts, named in the past tense, declared once by their publisher."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

#: A change of one field, as `changes: {field: {"from": …, "to": …}}`.
Changes = dict[str, dict[str, Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """A fact. Subclasses set `type`, and `aggregate`: the field whose value orders their events.

    Field values are JSON: strings (ids are UUID strings, times RFC 3339), numbers, booleans, None, lists, dicts.
    Consumers read only the fields they need and ignore the rest.
    """

    type: ClassVar[str]
    aggregate: ClassVar[str]
    dataversion: ClassVar[int] = 1

    @property
    def source(self) -> str:
        """The publishing service: the first segment of the type."""
        return self.type.split(".", 1)[0]

    @property
    def aggregate_id(self) -> str:
        """The id of the object whose events are delivered in order."""
        return str(getattr(self, self.aggregate))

    def data(self) -> dict[str, Any]:
        """Give the event's own data as JSON values; lists and dicts in it are the event's, no copies."""
        return {name: getattr(self, field) for field, name in data_names(type(self)).items()}


def data_names(event: type[Event]) -> Mapping[str, str]:
    """Give what each field of an event class is called in the data: as in Python, or as `metadata={"name": …}` says.

    A field that would be called `type` needs that: `type` is the event's own.
    """
    return {field.name: field.metadata.get("name", field.name) for field in dataclasses.fields(event)}


def event_types(root: type[Event] = Event) -> Iterator[type[Event]]:
    """Yield every declared event class (only those whose modules are imported)."""
    for cls in root.__subclasses__():
        if "type" in cls.__dict__:
            yield cls
        yield from event_types(cls)
