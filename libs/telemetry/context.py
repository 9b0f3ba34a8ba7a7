"""What this thread or task works on: request, trace and user. Log records and calls to services carry it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

#: The names that a record has as fields of its own; others become attributes.
FIELDS = ("request_id", "trace_id", "span_id", "user_id")

_NOTHING: Mapping[str, str] = MappingProxyType({})
_bound: ContextVar[Mapping[str, str]] = ContextVar("libs.telemetry.context", default=_NOTHING)


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Add `fields` to the context until the block ends; asyncio tasks and threads made by `contextvars` inherit it."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def bind(**fields: str) -> None:
    """Make `fields` the context of this task, for the rest of its life."""
    _bound.set(fields)


def current() -> dict[str, str]:
    """Give the fields of this moment."""
    return dict(_bound.get())


def peek() -> Mapping[str, str]:
    """Give the fields without a copy, for those who only read."""
    return _bound.get()
