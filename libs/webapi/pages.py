"""Keyset pages: stable under concurrent inserts and deletes, because a cursor names a place and not a number.

The cursor is opaque and signed: one that was made up, altered, or made for another order is a 400.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from libs.contracts.errors import BadRequest

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of rows, and the cursor of the next one where there are more."""

    items: list[Any]
    next_cursor: str | None

    def link(self, request: Request) -> dict[str, str]:
        """Give the Link header (RFC 8288) to the next page, relative to the request's own address."""
        if self.next_cursor is None:
            return {}
        query = urlencode({**request.query_params.dict(), "cursor": self.next_cursor})
        return {"Link": f'<{request.path}?{query}>; rel="next"'}


def page(
    queryset: QuerySet[M], *, keys: Sequence[str], limit: int, cursor: str | None, render: Callable[[M], Any]
) -> Page:
    """Take up to `limit` rows after `cursor`, ordered by `keys` (`-` for descending; not null; the last one unique)."""
    if cursor:
        queryset = queryset.filter(_after(keys, _decode(cursor, keys)))
    rows = list(queryset.order_by(*keys)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return Page([render(row) for row in rows], _encode(rows[-1], keys) if more else None)


def _after(keys: Sequence[str], values: Sequence[Any]) -> Q:
    """Say "behind this place": (a > x) or (a = x and b > y) or …, each in its direction."""
    condition, same = Q(), Q()
    for key, value in zip(keys, values, strict=True):
        name = key.removeprefix("-")
        beyond = Q(**{f"{name}__{'lt' if key.startswith('-') else 'gt'}": value})
        condition |= same & beyond
        same &= Q(**{name: value})
    return condition


def _encode(row: Model, keys: Sequence[str]) -> str:
    values = [_packed(getattr(row, key.removeprefix("-"))) for key in keys]
    return signing.dumps([list(keys), values], salt="libs.webapi.pages", compress=True)


def _decode(cursor: str, keys: Sequence[str]) -> list[Any]:
    try:
        made_for, values = signing.loads(cursor, salt="libs.webapi.pages")
    except (signing.BadSignature, ValueError) as error:
        raise BadRequest("the cursor is not one of ours", code="invalid_cursor") from error
    if made_for != list(keys):
        raise BadRequest("the cursor belongs to another order", code="invalid_cursor")
    return [_unpacked(value) for value in values]


def _packed(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return {"datetime" if isinstance(value, datetime) else "date": value.isoformat()}
    return value if isinstance(value, int | float | str) else str(value)


def _unpacked(value: Any) -> Any:
    match value:
        case {"datetime": text}:
            return datetime.fromisoformat(text)
        case {"date": text}:
            return date.fromisoformat(text)
    return value
