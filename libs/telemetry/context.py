"""What every log record of the current request carries: request_id, trace_id, span_id, user_id.

Based on contextvars: each thread and each asyncio task has its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_fields: ContextVar[dict[str, str] | None] = ContextVar("mt_log_fields", default=None)


def current() -> dict[str, str]:
    """Give the fields bound here and now, as a copy."""
    return dict(_fields.get() or {})


@contextmanager
def bound(**fields: str) -> Iterator[None]:
    """Bind `fields` on top of those bound already, for the time of the block; empty values bind nothing."""
    token = _fields.set({**(_fields.get() or {}), **{name: value for name, value in fields.items() if value}})
    try:
        yield
    finally:
        _fields.reset(token)
