"""Queries that Django compiles once. For what every request asks, building and compiling cost ten times the query.

    @prepared
    def _roles(list_id: Slot, user: Slot) -> QuerySet[Any]:
        return Share.objects.filter(list_id=list_id, user_id=user).values_list("role")

    _roles(list_id, user)  →  [(4,)]

Positional arguments are UUIDs; the function gets a `Slot` for each. Keyword arguments are the query's shape (an order,
a limit), compiled once for each combination. Rows are tuples of JSON values: UUIDs and times are texts already, since
objects for them would cost more than the rest of the row.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache, wraps
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import (
    AutoField,
    BooleanField,
    DateField,
    DateTimeField,
    Expression,
    Field,
    JSONField,
    Model,
    QuerySet,
    UUIDField,
)

Row: TypeAlias = tuple[Any, ...]

#: How many shapes of one query are kept.
SHAPES = 256


class Slot(Expression):
    """The place of a UUID in a compiled query."""

    output_field = UUIDField()

    def __init__(self, position: int) -> None:
        """Stand for the argument at `position`."""
        super().__init__()
        self.position = position

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """Leave a place for the value, and itself in the list of values."""
        return "%s", (self,)

    def filled(self, values: Sequence[UUID], database: Any) -> Any:
        """Give the value as the database takes it."""
        return self.output_field.get_db_prep_value(values[self.position], database)


class Compiled:
    """A compiled queryset, made with `values_list`."""

    def __init__(self, queryset: QuerySet[Any]) -> None:
        """Compile it."""
        compiler = queryset.query.get_compiler(queryset.db)
        try:
            self._sql, self._params = compiler.as_sql()
        except EmptyResultSet:
            self._sql, self._params = "", ()
        columns = enumerate(compiler.select if self._sql else ())
        found = [(index, _converter(expression.output_field)) for index, (expression, _sql, _alias) in columns]
        self._converters = [(index, convert) for index, convert in found if convert]

    def rows(self, *values: UUID) -> list[Row]:
        """Run it with these values in its slots."""
        if not self._sql:
            return []
        database = connections[DEFAULT_DB_ALIAS]  # once, for `connection` looks it up at each touch
        params = [each.filled(values, database) if isinstance(each, Slot) else each for each in self._params]
        with database.cursor() as cursor:
            cursor.execute(self._sql, params)
            return self._plain(cursor.fetchall())

    def _plain(self, rows: list[Row]) -> list[Row]:
        """Convert column by column, the quickest way that Python has."""
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for index, convert in self._converters if rows else ():
            columns[index] = [None if value is None else convert(value) for value in columns[index]]
        return list(zip(*columns, strict=True))


def prepared(build: Callable[..., QuerySet[Any]]) -> Callable[..., list[Row]]:
    """Make of a function that builds a query one that runs it."""

    @lru_cache(SHAPES)
    def compiled(vendor: str, slots: int, shape: tuple[tuple[str, Any], ...]) -> Compiled:
        return Compiled(build(*map(Slot, range(slots)), **dict(shape)))

    @wraps(build)
    def ask(*values: UUID, **shape: Any) -> list[Row]:
        return compiled(connection.vendor, len(values), tuple(shape.items())).rows(*values)

    return ask


def insert(obj: Model) -> None:
    """Write a new row by a statement that is kept; for models without signals and parents.

    A number that the database gives as primary key is not read back.
    """
    statement, fields = _insert(type(obj))
    database = connections[DEFAULT_DB_ALIAS]
    values = [_stored(kind, field.pre_save(obj, add=True), database) for field, kind in fields]
    with database.cursor() as cursor:
        cursor.execute(statement, values)
    obj._state.adding, obj._state.db = False, database.alias  # noqa: SLF001  (as Django's own save does)


@cache
def _insert(model: type[Model]) -> tuple[str, list[tuple["Field[Any, Any]", Any]]]:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]  # noqa: SLF001  (Django's public name)
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})", _with_kinds(fields)  # noqa: S608  (names)


def stored(obj: Model, *names: str) -> list[Any]:
    """Give the values of these fields as the database takes them, for a statement written by hand."""
    fields = [obj._meta.get_field(name) for name in names]  # noqa: SLF001  (Django's public name)
    return [_stored(kind, getattr(obj, field.attname), connection) for field, kind in _with_kinds(fields)]


def _with_kinds(fields: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Give each field with the one that says how its value is stored: of a foreign key that is the key's."""
    return [(field, getattr(field, "target_field", field)) for field in fields]


def _stored(kind: Any, value: Any, database: Any) -> Any:
    """Give a value of the field's own type as the database takes it.

    `get_db_prep_save` would first ask each whether it is an expression, and make its type of it once more.
    """
    return None if value is None else kind.get_db_prep_value(value, database, prepared=True)


def rfc3339(value: datetime) -> str:
    """Write a moment; one without zone is in UTC, as SQLite gives it."""
    return f"{(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat()}Z"


def _moment(value: datetime | str) -> str:
    return rfc3339(value if isinstance(value, datetime) else datetime.fromisoformat(value))


def _uuid(value: UUID | str) -> str:
    if not isinstance(value, str):
        return str(value)
    return f"{value[:8]}-{value[8:12]}-{value[12:16]}-{value[16:20]}-{value[20:]}"


#: Kind of field → its JSON value, made of what the driver gives; other kinds are JSON values already.
_CONVERTERS: dict[type[Any], Callable[[Any], Any]] = {
    UUIDField: _uuid,
    DateTimeField: _moment,
    DateField: date.isoformat,
    JSONField: orjson.loads,
    BooleanField: bool,
}


def _converter(field: Any) -> Callable[[Any], Any] | None:
    kind = getattr(field, "target_field", field)
    return next((convert for known, convert in _CONVERTERS.items() if isinstance(kind, known)), None)
