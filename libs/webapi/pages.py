"""Keyset pages: stable under concurrent inserts and deletes, because a cursor names a place and not a number.

The cursor is opaque and signed: one that was made up, altered, or made for another order is a 400.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from libs.contracts.errors import BadRequest
from libs.webapi.prepared import Compiled, Row

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
    queryset: QuerySet[M],
    *,
    keys: Sequence[str],
    limit: int,
    cursor: str | None,
    render: Callable[[Any], Any],
    columns: Sequence[str] = (),
) -> Page:
    """Take up to `limit` rows after `cursor`, ordered by `keys` (`-` for descending; not null; the last one unique).

    `render` gets objects or, several times as cheap, with `columns` their values as JSON (see `libs.webapi.prepared`).
    """
    if cursor:
        queryset = queryset.filter(_after(keys, _decode(cursor, keys)))
    if columns:
        rows = Compiled(selected(queryset, columns=columns, keys=keys, limit=limit)).rows()
        return cut(rows, columns=columns, keys=keys, limit=limit, render=render)
    return _page(list(queryset.order_by(*keys)[: limit + 1]), limit, keys, render, getattr)


def selected(queryset: QuerySet[Any], *, columns: Sequence[str], keys: Sequence[str], limit: int) -> QuerySet[Any]:
    """Make the query of a page of columns: a row more than fits, and the keys behind the columns."""
    return queryset.order_by(*keys).values_list(*_names(columns, keys))[: limit + 1]


def cut(
    rows: Sequence[Row], *, columns: Sequence[str], keys: Sequence[str], limit: int, render: Callable[[Row], Any]
) -> Page:
    """Make a page of what a query of `selected` gave."""
    places = {name: index for index, name in enumerate(_names(columns, keys))}
    width = len(columns)
    return _page(rows, limit, keys, lambda row: render(row[:width]), lambda row, name: row[places[name]])


def _names(columns: Sequence[str], keys: Sequence[str]) -> Iterable[str]:
    return dict.fromkeys([*columns, *(key.removeprefix("-") for key in keys)])


def _page(
    rows: Sequence[Any],
    limit: int,
    keys: Sequence[str],
    render: Callable[[Any], Any],
    value: Callable[[Any, str], Any],
) -> Page:
    items = [render(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items, None)
    last = rows[limit - 1]
    return Page(items, _encode(keys, [value(last, key.removeprefix("-")) for key in keys]))


def _after(keys: Sequence[str], values: Sequence[Any]) -> Q:
    """Say "behind this place": (a > x) or (a = x and b > y) or …, each in its direction."""
    condition, same = Q(), Q()
    for key, value in zip(keys, values, strict=True):
        name = key.removeprefix("-")
        beyond = Q(**{f"{name}__{'lt' if key.startswith('-') else 'gt'}": value})
        condition |= same & beyond
        same &= Q(**{name: value})
    return condition


def _encode(keys: Sequence[str], values: Sequence[Any]) -> str:
    return signing.dumps([list(keys), list(map(_packed, values))], salt="libs.webapi.pages", compress=True)


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
