"""Counts records by who wrote them."""

from collections.abc import Iterable

from logger_svc.records.models import Record


def counts(records: Iterable[Record]) -> list[tuple[str, str, int, int]]:
    """Give (service, instance, number of records, latest time) of each writer."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for record in records:
        key = (record.service, record.instance)
        count, last = found.get(key, (0, 0))
        found[key] = (count + 1, max(last, record.time))
    return [(*key, *value) for key, value in sorted(found.items())]
