"""The commands `deliveries` and `replay`."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from events_svc.deliveries.models import Delivery
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
    with pytest.raises(CommandError, match="never subscribed"):
        run("replay", "--subscriber", "nobody", "--since", "2020-01-01")
