"""The Celery doors take what is signed by the right service, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from events_svc.deliveries.models import Delivery, Event
from events_svc.deliveries.tasks import acknowledge, publish
from libs.contracts.names import QUEUE_ACKS, QUEUE_EVENTS, TASK_ACKNOWLEDGE, TASK_PUBLISH
from libs.eventbus.signing import Message, seal
from libs.eventbus.transports.memory import MemoryTransport
from libs.identity.service_tokens import ServiceSigner, load_private_key
from tests.events_svc.conftest import registered
from tests.events_svc.deliveries.helpers import dispatched, statuses, store

pytestmark = pytest.mark.django_db


def signed(service: str, task: str, queue: str, content: dict[str, Any]) -> Message:
    return seal(ServiceSigner(service, load_private_key(settings.KEYS_DIR / f"{service}.pem")), task, queue, content)


def test_a_batch_of_its_publisher_is_stored() -> None:
    message = signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": [registered().to_json()]})
    publish(**message.kwargs)
    assert Event.objects.get().source == "auth"


@pytest.mark.parametrize(
    "message",
    [
        lambda events: signed("todo", TASK_PUBLISH, QUEUE_EVENTS, events),
        lambda events: signed("auth", TASK_PUBLISH, QUEUE_ACKS, events),
        lambda events: signed("auth", TASK_ACKNOWLEDGE, QUEUE_EVENTS, events),
        lambda events: signed("auth", TASK_PUBLISH, "todo.events", events),
    ],
    ids=["by another service", "for another queue", "for another task", "for another service"],
)
def test_a_batch_signed_otherwise_is_refused(message: Callable[[dict[str, Any]], Message]) -> None:
    made = message({"events": [registered().to_json()]})
    queue = QUEUE_EVENTS if made.queue == QUEUE_ACKS else made.queue
    publish(**{**made.kwargs, "queue": queue})
    assert not Event.objects.exists()


def test_a_changed_payload_is_refused() -> None:
    message = signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": [registered().to_json()]})
    publish(**{**message.kwargs, "payload": message.payload.replace("ann", "eve")})
    assert not Event.objects.exists()


def test_a_batch_with_a_malformed_event_is_refused() -> None:
    message = signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": [{**registered().to_json(), "sequence": "1"}]})
    publish(**message.kwargs)
    assert not Event.objects.exists()


def test_results_of_the_subscriber_settle_its_deliveries(
    todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    store(registered())
    dispatched(bus)
    results = {
        "results": [{"delivery": Delivery.objects.get().pk, "attempt": 1, "ok": True, "tried": True, "error": ""}]
    }
    acknowledge(**signed("auth", TASK_ACKNOWLEDGE, QUEUE_ACKS, results).kwargs)
    acknowledge(**{**signed("auth", TASK_ACKNOWLEDGE, QUEUE_ACKS, results).kwargs, "source": "todo"})
    assert statuses() == [("ann", 1, "sent")]
    acknowledge(**signed("todo", TASK_ACKNOWLEDGE, QUEUE_ACKS, results).kwargs)
    assert statuses() == [("ann", 1, "acked")]


def test_a_batch_of_nothing_stores_nothing() -> None:
    publish(**signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": []}).kwargs)
    assert not Event.objects.exists()
