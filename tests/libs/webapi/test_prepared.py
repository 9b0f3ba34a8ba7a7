"""Queries that are compiled once give what Django's own would, as JSON values."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError
from django.db.models import BooleanField, Case, QuerySet, When
from uuid_utils.compat import uuid7

from libs.eventbus.models import OutboxEvent
from libs.webapi.prepared import Compiled, Slot, insert, prepared, rfc3339

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, 0, 0, 120, tzinfo=UTC)


def row(**values: Any) -> OutboxEvent:
    made: dict[str, Any] = {
        "id": uuid7(),
        "source": "todo",
        "type": "todo.task.created",
        "subject": "",
        "time": "",
        "dataversion": 1,
        "aggregate_id": "a",
        "sequence": 1,
        "data": {"title": "Äpfel", "labels": ["x"], "none": None},
        "claimed_until": NOON,
    }
    return OutboxEvent(**made | values)


@pytest.fixture
def built() -> list[str]:
    """One word for each time that the query was built."""
    return []


@pytest.fixture
def ask(built: list[str]) -> Callable[..., Any]:
    @prepared
    def one(event_id: Slot, *, columns: tuple[str, ...]) -> QuerySet[Any]:
        built.append("built")
        return OutboxEvent.objects.filter(pk=event_id).values_list(*columns)

    return one


def test_rows_are_json_values(ask: Callable[..., Any]) -> None:
    first = row()
    first.save()

    assert ask(first.id, columns=("id", "data", "claimed_until", "sent_at")) == [
        (str(first.id), first.data, "2026-11-23T12:00:00.000120Z", None)
    ]


def test_a_query_is_built_once_and_run_with_the_values_of_each_call(ask: Callable[..., Any], built: list[str]) -> None:
    for sequence in (1, 2):
        row(id=UUID(int=sequence), sequence=sequence).save()

    assert [ask(UUID(int=each), columns=("sequence",)) for each in (1, 2, 3)] == [[(1,)], [(2,)], []]
    assert built == ["built"]


def test_each_shape_is_built_once(ask: Callable[..., Any], built: list[str]) -> None:
    first = row()
    first.save()

    for _ in range(2):
        assert ask(first.id, columns=("sequence",)) == [(1,)]
        assert ask(first.id, columns=("source", "sequence")) == [("todo", 1)]
    assert built == ["built", "built"]


def test_computed_columns_have_the_json_of_their_type() -> None:
    row().save()
    sent = Case(When(sent_at=None, then=False), default=True, output_field=BooleanField())

    assert Compiled(OutboxEvent.objects.annotate(sent=sent).values_list("sent")).rows() == [(False,)]


def test_a_query_that_can_find_nothing_is_not_run(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert Compiled(OutboxEvent.objects.filter(pk__in=[]).values_list("id")).rows() == []


def test_an_inserted_object_is_the_one_that_save_would_have_written() -> None:
    saved, inserted = row(sequence=1), row(sequence=2)
    saved.save()
    insert(inserted)

    found = OutboxEvent.objects.get(pk=inserted.pk)
    assert (found.data, found.claimed_until, found.attempts) == (saved.data, NOON, 0)
    inserted.attempts = 1
    inserted.save()  # an update, as of any stored object
    assert OutboxEvent.objects.get(pk=inserted.pk).attempts == 1
    with pytest.raises(IntegrityError):
        insert(row(sequence=2))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T23:00:00Z"),
        (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00Z"),  # noqa: DTZ001  (as SQLite gives it)
    ],
)
def test_moments_are_written_in_utc(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text
