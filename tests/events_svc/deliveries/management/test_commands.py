"""The commands `deliveries` and `replay`."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from events_svc.deliveries.management.commands.events import following
from events_svc.deliveries.models import Delivery, Event, Replay
from events_svc.deliveries.selectors import events_matching
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_dead_one_pending(db: None, todo_subscribes: Callable[..., None]) -> None:
    todo_subscribes()
    store(registered(), registered("ben"))
    Delivery.objects.filter(stream__aggregate_id="ann").update(status="dead", error="Traceback\nKeyError: 'x'")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_deliveries_lists_what_is_not_acknowledged() -> None:
    assert "2 deliveries" in run("deliveries")
    dead = run("deliveries", "--dead")
    assert "1 deliveries" in dead
    assert "auth.user.registered ann#1" in dead
    assert "KeyError: 'x'" in dead


def test_deliveries_retries_one_or_all() -> None:
    dead = Delivery.objects.get(status="dead")
    assert "1 to be sent again" in run("deliveries", "--retry", str(dead.pk))
    assert "0 to be sent again" in run("deliveries", "--retry", "all")
    Delivery.objects.update(status="acked")
    for wrong in (str(dead.pk), "0", "some"):
        with pytest.raises(CommandError, match="--retry"):
            run("deliveries", "--retry", wrong)


def test_deliveries_are_given_up() -> None:
    dead = Delivery.objects.get(status="dead")
    assert "1 given up" in run("deliveries", "--skip", str(dead.pk))
    assert "1 deliveries" in run("deliveries", "--status", "skipped", "--subscriber", "todo")
    assert "0 deliveries" in run("deliveries", "--status", "skipped", "--subscriber", "auth")
    with pytest.raises(CommandError, match="--skip"):
        run("deliveries", "--skip", str(dead.pk))


def test_schemas_prints_what_events_carry() -> None:
    found = json.loads(run("schemas", "auth.user.registered"))
    assert found["auth.user.registered version 1"]["properties"]["email"] == {"type": "string"}
    with pytest.raises(CommandError, match="begins with"):
        run("schemas", "nobody.")


def test_replay_delivers_again() -> None:
    Delivery.objects.update(status="acked")
    assert "2 to be delivered" in run("replay", "--subscriber", "todo", "--since", "2020-01-01T00:00:00Z")
    with pytest.raises(CommandError, match="--since"):
        run("replay", "--subscriber", "todo", "--since", "yesterday")
    for wrong in (["--subscriber", "todo"], ["--subscriber", "todo", "--since", "1h", "--per-second", "-1"]):
        with pytest.raises(CommandError, match="--"):
            run("replay", *wrong)
    with pytest.raises(CommandError, match="never subscribed"):
        run("replay", "--subscriber", "nobody", "--since", "2020-01-01")


def test_replay_at_a_pace_shows_in_stats_and_can_be_stopped() -> None:
    Delivery.objects.update(status="acked")
    paced = ("--aggregate", "ann", "--type", "auth.*", "--per-second", "5")
    assert "1 to be delivered" in run("replay", "--subscriber", "todo", "--since", "1h", *paced)
    shown = run("stats")
    number = str(Replay.objects.get().pk)
    assert f"replay {number}: auth.* ann to todo, 0 so far, 5 a second" in shown
    assert "has ended" in run("replay", "--stop", number)
    assert "replay" not in run("stats")


def test_stats_shows_each_subscriber() -> None:
    heads, row = [line.split() for line in run("stats").splitlines()[:2]]
    assert dict(zip(heads, row, strict=True))["DEAD"] == "1"


def test_subscriptions_lists_patterns_and_versions(todo_subscribes: Callable[..., None]) -> None:
    assert "auth.user.*  any" in run("subscriptions")
    todo_subscribes("auth.user.registered", versions={"auth.user.registered": [2, 1]})
    assert "auth.user.registered  1,2" in run("subscriptions")
    assert "auth.user.*" not in run("subscriptions")
    assert "auth.user.*" in run("subscriptions", "--all")


def test_events_lists_the_newest_and_filters() -> None:
    assert [line.split("\t")[1] for line in run("events").splitlines()] == [
        "auth.user.registered ann#1",
        "auth.user.registered ben#1",
    ]
    assert "ben" not in run("events", "--aggregate", "ann", "--since", "1h", "--type", "auth.*")
    assert len(run("events", "--limit", "1").splitlines()) == 1
    with pytest.raises(CommandError, match="beginning"):
        run("events", "--type", "*.user.*")


def test_events_follows_what_is_stored_each_once() -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        store(registered(f"user-{len(waits)}"))

    found = following(events_matching(), {row.pk for row in Event.objects.all()}, wait)
    assert [next(found).aggregate_id for _ in range(3)] == ["user-1", "user-2", "user-3"]
