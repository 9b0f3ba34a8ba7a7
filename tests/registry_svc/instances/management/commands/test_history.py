"""`manage.py history` reads the database; no Registry needs to run."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from registry_svc.instances.models import Transition
from tests.registry_svc.instances.management.conftest import Printed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def past() -> datetime:
    """Three changes of todo-1 and one of auth-1, an hour apart until now."""
    now = datetime.now(UTC)
    rows = [
        ("todo", "todo-1", "", "up", "registered"),
        ("auth", "auth-1", "", "up", "registered"),
        ("todo", "todo-1", "up", "down", "no beats"),
        ("todo", "todo-1", "down", "", "reaped: down for too long"),
    ]
    for hours, (kind, instance, before, after, reason) in zip((3, 2, 1, 0), rows, strict=True):
        Transition.objects.create(
            type=kind,
            instance_id=instance,
            incarnation="i",
            before=before,
            after=after,
            reason=reason,
            at=now - timedelta(hours=hours, seconds=1),
        )
    return now


def test_changes_are_listed_with_the_newest_last(printed: Printed) -> None:
    lines = [line.split(maxsplit=6) for line in printed("history")]
    assert lines[0] == ["WHEN", "TYPE", "INSTANCE", "BEFORE", "→", "AFTER", "REASON"]
    assert [line[1:] for line in lines[1:]] == [
        ["todo", "todo-1", "-", "→", "up", "registered"],
        ["auth", "auth-1", "-", "→", "up", "registered"],
        ["todo", "todo-1", "up", "→", "down", "no beats"],
        ["todo", "todo-1", "down", "→", "gone", "reaped: down for too long"],
    ]


def test_a_type_an_instance_a_limit_and_a_time_narrow(printed: Printed, past: datetime) -> None:
    assert len(printed("history", "auth")) == 2
    assert len(printed("history", "todo", "todo-9")) == 1
    assert "gone" in printed("history", "todo", "todo-1", "--limit=1")[1], "the newest is kept"
    assert len(printed("history", "--limit=0")) == 1
    assert len(printed("history", "--since=90m")) == 3
    for since in ((past - timedelta(minutes=90)).isoformat(), f"{past - timedelta(minutes=90):%Y-%m-%dT%H:%M:%S}"):
        assert len(printed("history", "--since", since)) == 3, "a moment without a zone is of UTC"


def test_what_when_says_may_be_given_to_since(printed: Printed) -> None:
    when = printed("history", "auth")[1].split()[0]
    assert len(printed("history", "auth", "--since", when)) == 2


def test_a_wrong_time_is_one_line() -> None:
    with pytest.raises(CommandError, match=r"--since: 'soon' is neither a moment like .* nor an age like 30m"):
        call_command("history", since="soon")


def test_it_prints_json(printed: Printed) -> None:
    found = json.loads("\n".join(printed("history", "todo", "--json")))
    assert [each["after"] for each in found] == ["up", "down", ""]
    assert found[0] == {**found[0], "type": "todo", "instance": "todo-1", "before": "", "reason": "registered"}
    assert datetime.fromisoformat(found[0]["at"]).tzinfo


def test_a_database_that_is_away_is_one_line() -> None:
    def away(*args: Any) -> None:
        raise OperationalError("no connection:\nrefused")

    with (
        connection.execute_wrapper(away),
        pytest.raises(CommandError, match=r"^the Registry's database does not answer: no connection: refused$"),
    ):
        call_command("history")
