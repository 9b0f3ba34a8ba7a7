"""A batch: each event on its own, each result told; an aggregate stops at its first failure."""

from typing import Any

import pytest

from libs.contracts.names import QUEUE_ACKS, TASK_ACKNOWLEDGE, TASK_RECEIVE
from libs.eventbus import Envelope, receiving
from libs.eventbus.models import InboxEvent
from libs.eventbus.reactions import versions
from libs.eventbus.signing import seal
from libs.eventbus.tasks import receive
from libs.eventbus.transports.memory import MemoryTransport
from libs.identity.service_tokens import ServiceSigner, load_private_key
from libs.telemetry import metrics
from tests.libs.eventbus.conftest import envelope

pytestmark = pytest.mark.django_db


def batch(*events: Envelope) -> dict[str, Any]:
    items = [{"delivery": n, "attempt": 1, "event": each.to_json()} for n, each in enumerate(events, start=1)]
    return {"subscription": "todo", "events": items}


def results(bus: MemoryTransport) -> list[tuple[int, bool, bool]]:
    """Give what was acknowledged, in one message or, on a slow machine, several."""
    assert {(message.task, message.queue) for message in bus.messages} == {(TASK_ACKNOWLEDGE, QUEUE_ACKS)}
    found = [each for message in bus.messages for each in message.content["results"]]
    return [(each["delivery"], each["ok"], each["tried"]) for each in found]


def test_every_event_is_applied_and_acknowledged(bus: MemoryTransport) -> None:
    seen: list[int] = []
    events = batch(envelope(sequence=1), envelope(sequence=2))
    receiving.receive(events, {"todo.*": lambda event: seen.append(event.sequence)})
    assert seen == [1, 2]
    assert results(bus) == [(1, True, True), (2, True, True)]


def counted(outcome: str, event_type: str = "todo.list.updated") -> float:
    wanted = f'mt_reactions_total{{outcome="{outcome}",type="{event_type}"}} '
    lines = metrics.render().decode().splitlines()
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


def test_what_became_of_events_and_how_long_it_took_is_counted(bus: MemoryTransport) -> None:
    def react(event: Envelope) -> None:
        if event.aggregate_id == "bad":
            raise ValueError("no such list")

    outcomes = ("applied", "repeated", "failed", "parked")
    before = {each: counted(each) for each in outcomes} | {"unread": counted("unread", "")}
    good = envelope("good")
    sent = batch(good, good, envelope("bad"), envelope("new", dataversion=2), envelope("odd"))
    sent["events"][-1]["event"]["sequence"] = 0
    receiving.receive(sent, {"todo.*": react})
    after = {each: counted(each) for each in outcomes} | {"unread": counted("unread", "")}
    assert {each: after[each] - before[each] for each in after} == dict.fromkeys(after, 1)
    assert 'mt_reaction_seconds_count{type="todo.list.updated"}' in metrics.render().decode()


def test_an_aggregate_stops_at_its_first_failure_and_others_go_on(bus: MemoryTransport) -> None:
    seen: list[str] = []

    def react(event: Envelope) -> None:
        if event.aggregate_id == "bad":
            raise ValueError("no such list")
        seen.append(event.aggregate_id)

    receiving.receive(batch(envelope("bad"), envelope("bad", sequence=2), envelope("good")), {"todo.*": react})
    assert seen == ["good"]
    assert results(bus) == [(1, False, True), (2, False, False), (3, True, True)]
    assert "no such list" in bus.messages[0].content["results"][0]["error"]


@pytest.mark.parametrize("bad", [{"sequence": "1"}, {"id": None}, None, "text"])
def test_an_event_that_cannot_be_read_fails_alone(bus: MemoryTransport, bad: Any) -> None:
    seen: list[str] = []
    sent = batch(envelope("bad"), envelope("good"))
    sent["events"][0]["event"] = {**sent["events"][0]["event"], **bad} if isinstance(bad, dict) else bad
    receiving.receive(sent, {"todo.*": lambda event: seen.append(event.aggregate_id)})
    assert seen == ["good"]
    assert results(bus) == [(1, False, True), (2, True, True)]
    assert "can't be read" in bus.messages[0].content["results"][0]["error"]


def test_later_events_of_an_aggregate_wait_for_one_that_cannot_be_read(bus: MemoryTransport) -> None:
    sent = batch(envelope(), envelope(sequence=2))
    sent["events"][0]["event"]["time"] = 12
    receiving.receive(sent, {"todo.*": lambda event: None})
    assert results(bus) == [(1, False, True), (2, False, False)]


def test_an_event_of_an_unknown_version_is_told_and_holds_back_its_aggregate(bus: MemoryTransport) -> None:
    seen: list[int] = []
    react = versions(2)(lambda event: seen.append(event.sequence))
    sent = batch(envelope(dataversion=3), envelope(sequence=2, dataversion=2), envelope("other", dataversion=2))
    receiving.receive(sent, {"todo.*": react})
    assert seen == [1]
    assert results(bus) == [(1, False, True), (2, False, False), (3, True, True)]
    assert bus.messages[0].content["results"][0]["unknown_version"] is True


def test_an_event_that_was_applied_before_is_acknowledged_without_effect(bus: MemoryTransport) -> None:
    seen: list[int] = []
    event = envelope()
    for _ in range(2):
        bus.clear()
        receiving.receive(batch(event), {"todo.*": lambda event: seen.append(event.sequence)})
    assert seen == [1]
    assert results(bus) == [(1, True, True)]


def test_results_that_can_not_be_sent_do_not_undo_the_effect(bus: MemoryTransport) -> None:
    bus.broken = True
    receiving.receive(batch(envelope()), {"todo.*": lambda event: None})
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize(("signer", "queue", "taken"), [
    ("events", "todo.events", True), ("auth", "todo.events", False), ("events", "auth.events", False)
])  # fmt: skip
def test_only_batches_of_events_for_this_service_are_taken(
    bus: MemoryTransport, settings: Any, signer: str, queue: str, taken: bool
) -> None:
    settings.WORKER_QUEUES = ["todo.events"]
    by = ServiceSigner(signer, load_private_key(settings.KEYS_DIR / f"{signer}.pem"))
    receive(**seal(by, TASK_RECEIVE, queue, batch(envelope())).kwargs)
    assert bool(bus.messages) is taken
