"""The Celery doors take what is signed by the right service, and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from events_svc.deliveries.models import Delivery, Event, Refusal
from events_svc.deliveries.services.refusing import event_refuse, refusals_purge
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


@pytest.mark.parametrize(
    "bad",
    [
        {"sequence": "1"},
        {"sequence": 0},
        {"sequence": 2**63},
        {"dataversion": True},
        {"source": "todo", "type": "todo.list.created"},
        {"subject": "half of a pair: \ud800"},
        [],
    ],
    ids=["a text", "too small", "too large", "not a number", "of another service", "not for a database", "no event"],
)
def test_one_bad_event_of_a_batch_is_refused_alone(
    bad: Any, todo_subscribes: Callable[..., None], bus: MemoryTransport
) -> None:
    todo_subscribes()
    value = {**registered("bad").to_json(), **bad} if bad else bad
    events = [registered("ann").to_json(), value, registered("ben").to_json()]
    publish(**signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": events}).kwargs)
    dispatched(bus)
    assert statuses() == [("ann", 1, "sent"), ("ben", 1, "sent")]


def test_a_refused_event_is_remembered_with_its_reason_and_without_its_data() -> None:
    value = {**registered("ann").to_json(), "sequence": 0}
    for _ in range(2):
        publish(**signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": [value]}).kwargs)
    refusal = Refusal.objects.get()
    assert (refusal.source, refusal.event_id, refusal.times) == ("auth", value["id"], 2)
    assert refusal.reason == "sequence is out of range: 0"


@pytest.mark.parametrize("event_id", [None, 7, "", "no id of an outbox", "\0"])
def test_a_refused_event_without_a_proper_id_is_only_logged(event_id: Any) -> None:
    value = {**registered("ann").to_json(), "id": event_id, "sequence": 0}
    publish(**signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": [value]}).kwargs)
    assert not Refusal.objects.exists()


def test_a_reason_is_one_line_that_every_database_holds() -> None:
    event_refuse(
        source="auth", event_id=registered().id, reason="a NUL \0, half a pair \ud800\nDETAIL: ann@example.org"
    )
    assert Refusal.objects.get().reason == "a NUL \N{REPLACEMENT CHARACTER}, half a pair ?"


def test_refusals_are_forgotten_like_events() -> None:
    event_refuse(source="auth", event_id=registered().id, reason="old")
    assert refusals_purge() == 0
    Refusal.objects.update(refused_at=timezone.now() - timedelta(days=settings.EVENTS_RETENTION_DAYS + 1))
    assert refusals_purge() == 1


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


def test_one_bad_result_of_a_batch_is_refused_alone(todo_subscribes: Callable[..., None], bus: MemoryTransport) -> None:
    todo_subscribes()
    store(registered("ann"), registered("ben"))
    dispatched(bus)
    ann, ben = [
        {"delivery": row.pk, "attempt": 1, "ok": True, "colour": "red"} for row in Delivery.objects.order_by("stream")
    ]
    for bad in ({**ann, "delivery": str(ann["delivery"])}, {"delivery": ann["delivery"]}, "ann", {**ann, "ok": "yes"}):
        acknowledge(**signed("todo", TASK_ACKNOWLEDGE, QUEUE_ACKS, {"results": [bad, ben]}).kwargs)
        assert statuses() == [("ann", 1, "sent"), ("ben", 1, "acked")]
    acknowledge(**signed("todo", TASK_ACKNOWLEDGE, QUEUE_ACKS, {"results": [ann]}).kwargs)
    assert statuses() == [("ann", 1, "acked"), ("ben", 1, "acked")]


@pytest.mark.parametrize("unknown_version", [False, True])
def test_an_error_that_no_database_holds_is_noted_all_the_same(
    todo_subscribes: Callable[..., None], bus: MemoryTransport, *, unknown_version: bool
) -> None:
    todo_subscribes()
    store(registered())
    dispatched(bus)
    told = {"ok": False, "error": "a NUL: \0", "unknown_version": unknown_version}
    result = {"delivery": Delivery.objects.get().pk, "attempt": 1, **told}
    acknowledge(**signed("todo", TASK_ACKNOWLEDGE, QUEUE_ACKS, {"results": [result]}).kwargs)
    assert Delivery.objects.get().error == "a NUL: \N{REPLACEMENT CHARACTER}"


def test_a_batch_of_nothing_stores_nothing() -> None:
    publish(**signed("auth", TASK_PUBLISH, QUEUE_EVENTS, {"events": []}).kwargs)
    assert not Event.objects.exists()
