"""Batches: tasks carry whatever is ready, because a Celery task costs more than the event in it."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

MAX_EVENTS = 200
MAX_BYTES = 512 * 1024


def split(items: Iterable[T], weight: Callable[[T], int]) -> Iterator[list[T]]:
    """Cut `items` into batches of at most MAX_EVENTS and about MAX_BYTES; none is empty and order is kept."""
    batch: list[T] = []
    total = 0
    for item in items:
        size = weight(item)
        if batch and (len(batch) == MAX_EVENTS or total + size > MAX_BYTES):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch
