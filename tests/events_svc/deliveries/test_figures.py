"""The metrics of the ledger."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from events_svc.deliveries.figures import Figures
from events_svc.deliveries.models import Delivery
from libs.eventbus.transports.memory import MemoryTransport
from libs.telemetry import metrics
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import answer, dispatched, let_pass, store

pytestmark = pytest.mark.django_db


def shown(name: str, **labels: str) -> float:
    """Give the value of a sample; 0 where it is not shown."""
    wanted = {f'{label}="{value}"' for label, value in labels.items()}
    for line in metrics.render().decode().splitlines():
        head, _, value = line.rpartition(" ")
        found, _, rest = head.partition("{")
        if found == name and wanted <= set(rest.rstrip("}").split(",")):
            return float(value)
    return 0.0


@pytest.fixture
def figures(todo_subscribes: Callable[..., None]) -> Figures:
    todo_subscribes()
    return Figures()


def test_depths_and_ages_are_shown_by_subscriber_and_status(figures: Figures, bus: MemoryTransport) -> None:
    store(registered(), registered("ben"))
    Delivery.objects.filter(stream__aggregate_id="ann").update(status="dead")
    let_pass(40)
    figures.step()
    for status in ("dead", "pending"):
        assert shown("mt_events_deliveries", subscriber="todo", status=status) == 1
        assert shown("mt_events_oldest_seconds", subscriber="todo", status=status) > 39
    Delivery.objects.update(status="acked", done_at=timezone.now())
    figures.step()
    assert shown("mt_events_deliveries", subscriber="todo", status="dead") == 0


def counted(of: str) -> dict[str, float]:
    labels = {"type": "auth.user.registered", "subscriber": "todo"}
    below = {"below_1": shown("mt_events_effect_seconds_bucket", le="1.0", **labels)}
    return {"retries": shown("mt_events_retries_total", subscriber="todo")} | (
        below | {"count": shown("mt_events_effect_seconds_count", **labels)} if of == "all" else {}
    )


def test_the_time_to_the_effect_is_counted_once_from_publication(figures: Figures, bus: MemoryTransport) -> None:
    before = counted("all")
    published = timezone.now()
    store(registered(time=(published - timedelta(seconds=30)).isoformat()))
    dispatched(bus)
    answer(bus, ann="broken")
    let_pass(2)
    dispatched(bus)
    answer(bus)
    figures.step()
    assert counted("all") == before, "it may still be uncommitted elsewhere"
    Delivery.objects.update(done_at=timezone.now() - timedelta(seconds=3))
    figures._until -= timedelta(seconds=10)
    figures.step()
    figures.step()
    after = counted("all")
    assert {name: after[name] - before[name] for name in after} == {"retries": 1, "below_1": 0, "count": 1}


def test_a_replay_is_counted_from_its_own_beginning(figures: Figures, bus: MemoryTransport) -> None:
    before = counted("all")
    store(registered(time="2026-01-01T00:00:00Z"))
    let_pass(3600)
    now = timezone.now()
    Delivery.objects.update(status="acked", queued_at=now - timedelta(seconds=4), done_at=now - timedelta(seconds=3.5))
    figures._until -= timedelta(seconds=10)
    figures.step()
    assert counted("all")["below_1"] - before["below_1"] == 1
