"""The nouns of the log store. They are plain dataclasses: a million rows an hour need no ORM."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from logger_svc.records.levels import NAMES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Record(NamedTuple):
    """One record as it is stored. `id` counts commits: whoever has seen it has seen all before it."""

    id: int
    time: int  # microseconds since 1970
    level: int
    service: str
    instance: str
    logger: str
    message: str
    request_id: str
    trace_id: str
    span_id: str
    user_id: str
    attributes: str  # JSON

    @property
    def size(self) -> int:
        """Estimate how much of an answer it takes (bytes)."""
        return 300 + 2 * (len(self.message) + len(self.attributes))

    def words(self) -> str:
        """Give the text that full-text search looks at."""
        return " ".join((self.message, self.logger, *_texts(json.loads(self.attributes))))

    def as_json(self) -> dict[str, Any]:
        """Give the record in the form of the contract."""
        return {
            "id": str(self.id),
            "time": (EPOCH + timedelta(microseconds=self.time)).isoformat(timespec="microseconds"),
            "service": self.service,
            "instance": self.instance,
            "level": NAMES[self.level],
            "logger": self.logger,
            "message": self.message,
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "user_id": self.user_id,
            "attributes": json.loads(self.attributes),
        }


COLUMNS = Record._fields


class BatchKey(NamedTuple):
    """The sender's id of a batch: the same key is stored once."""

    service: str
    instance: str
    boot: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that are stored together; without a key nobody can send them again."""

    records: list[Record]
    key: BatchKey | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; empty matches all. `level` means "at least", times are microseconds since 1970."""

    service: str = ""
    instance: str = ""
    level: int = 0
    since: int | None = None
    until: int | None = None
    trace_id: str = ""
    request_id: str = ""
    terms: tuple["Term", ...] = ()


class Term(NamedTuple):
    """A word of which the beginning is given, or a whole phrase."""

    text: str
    is_phrase: bool = False


class Position(NamedTuple):
    """A place in the order "newest first"."""

    time: int
    id: int


class Bounds(NamedTuple):
    """Ids of the oldest record kept and of the newest one committed; `first` is `last` + 1 in an empty store."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Source:
    """An instance that has written, how much of it is kept, and when it last did."""

    service: str
    instance: str
    count: int
    last: int


@dataclass(frozen=True, slots=True)
class Tail:
    """What a reader that follows gets: records, the place to go on from, and what it cannot see any more."""

    records: list[Record]
    cursor: int
    gaps: list[dict[str, Any]] = field(default_factory=list)


def microseconds(moment: datetime) -> int:
    """Give a moment as the store has it."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)
