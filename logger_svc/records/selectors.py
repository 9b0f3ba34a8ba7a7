"""Reading: pages, tails, and who has written."""

from typing import Any

from logger_svc.records.models import Filters, Position, Record, Source, Tail
from logger_svc.records.stores import store

#: An answer stays below the bridge's message limit (bytes).
MAX_ANSWER = 800 * 1024
#: A reader that is further behind (ids) jumps to the end and is told so.
MAX_BEHIND = 20_000


def records_search(*, filters: Filters, limit: int, after: Position | None) -> tuple[list[Record], Position | None]:
    """Find up to `limit` records, the newest first, and the place where the next page begins, if there is more."""
    found = store().search(filters, limit=limit + 1, after=after)
    page = _fitting(found[:limit])
    more = len(page) < len(found)
    return page, Position(page[-1].time, page[-1].id) if more else None


def records_tail(*, filters: Filters, after: int | None, limit: int, max_behind: int = MAX_BEHIND) -> Tail:
    """Give what was committed since `after`, in that order; without `after` only the place to begin at."""
    first, last = store().bounds()
    if after is None:
        return Tail([], last)
    start, gaps = _reachable(after, first, last, max_behind)
    found = store().follow(filters, after=start, upto=last, limit=limit)
    page = _fitting(found)
    at_end = len(found) < limit and len(page) == len(found)
    return Tail(page, last if at_end else page[-1].id, gaps)


def log_sources() -> list[Source]:
    """List who has written, by service and instance."""
    return store().sources()


def _reachable(after: int, first: int, last: int, max_behind: int) -> tuple[int, list[dict[str, Any]]]:
    """Give the place to really go on from, and what is skipped to get there."""
    if after > last:
        return last, [_gap(last, after, "the store was replaced", count=0)]
    gaps = []
    if after < first - 1:
        gaps.append(_gap(after, first - 1, "retention dropped these records"))
        after = first - 1
    if last - after > max_behind:
        gaps.append(_gap(after, last - max_behind, "the reader is too far behind"))
        after = last - max_behind
    return after, gaps


def _gap(after: int, upto: int, reason: str, *, count: int | None = None) -> dict[str, Any]:
    return {
        "from": str(after + 1),
        "to": str(upto),
        "count": upto - after if count is None else count,
        "reason": reason,
    }


def _fitting(records: list[Record]) -> list[Record]:
    """Keep as many as an answer may hold, and at least one."""
    size = 0
    for index, record in enumerate(records):
        size += record.size
        if size > MAX_ANSWER and index:
            return records[:index]
    return records
