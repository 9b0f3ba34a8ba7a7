"""W3C Trace Context, version 00: read and write `traceparent`, make ids."""

import os
import random
import re
from typing import NamedTuple

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01

#: A trace id and the span id behind it may not be all zeros.
_NEITHER_IS_ZERO = 1 << 64 | 1

#: Ids need to be distinct, not secret. A forked child must not repeat its parent's.
_dice = random.Random()  # noqa: S311
os.register_at_fork(after_in_child=_dice.seed)


class Traceparent(NamedTuple):
    """The trace, the span that calls, and whether it is recorded."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def __str__(self) -> str:
        """Write the header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{_SAMPLED if self.sampled else 0:02x}"

    def child(self) -> "Traceparent":
        """Make the parent of the next hop: same trace, a new span."""
        return Traceparent(self.trace_id, new_span_id(), self.sampled)


def parse_traceparent(value: str) -> Traceparent | None:
    """Read a header's value, None where it is invalid; later versions are read as far as 00 goes (§ 3.2.4)."""
    match = _TRACEPARENT.fullmatch(value)
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5] is not None):
        return None
    if not match[2].strip("0") or not match[3].strip("0"):
        return None
    return Traceparent(match[2], match[3], bool(int(match[4], 16) & _SAMPLED))


def new_traceparent(*, sampled: bool = True) -> Traceparent:
    """Begin a trace."""
    ids = f"{_dice.getrandbits(192) | _NEITHER_IS_ZERO:048x}"
    return Traceparent(ids[:32], ids[32:], sampled)


def new_span_id() -> str:
    """Make a span id; all zeros would be invalid."""
    return f"{_dice.getrandbits(64) or 1:016x}"
