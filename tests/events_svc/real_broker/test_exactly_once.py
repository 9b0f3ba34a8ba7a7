"""Every committed event takes effect exactly once and in order, whatever dies."""

import os
import signal
import statistics
import uuid
from collections import defaultdict

import pytest
import redis

from tests.events_svc.real_broker.conftest import OTHER_BROKER, Platform, wait_for


@pytest.fixture
def running(platform: Platform) -> Platform:
    platform.start("events", "worker")
    wait_for((platform.home / "events.port").exists, what="the bridge of Events")
    platform.start("todo", "worker")
    wait_for(platform.subscribed, what="the subscription")
    return platform


def assert_exactly_once_in_order(platform: Platform, count: int) -> None:
    wait_for(lambda: len(platform.effects()) >= count, seconds=60, what=f"{count} effects")
    wait_for(lambda: platform.outbox() == 0, what="the confirmation")
    wait_for(lambda: platform.unfinished() == 0, what="the acknowledgement")
    found = defaultdict(list)
    for aggregate, sequence in platform.effects():
        found[aggregate].append(sequence)
    assert sum(map(len, found.values())) == count
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in found.values())


def hold_in_the_middle(platform: Platform, count: int, aggregates: int = 6) -> None:
    """Publish while Events is away, then let it deliver until the subscriber stands still inside a reaction.

    That reaction holds the write lock of its SQLite file, so nobody else could publish then.
    """
    end(platform, "events")
    assert platform.start("todo", "publish", str(count), str(aggregates), "0.0").wait(timeout=60) == 0
    (platform.home / "hold").touch()
    platform.start("events", "worker")
    wait_for((platform.home / "inside").exists, what="the reaction")


def end(platform: Platform, service: str) -> None:
    process = platform.workers[service]
    process.kill()
    process.wait(timeout=10)


def end_broker(platform: Platform) -> None:
    with redis.Redis(unix_socket_path=str(platform.socket)) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGKILL)


def test_published_events_take_effect_without_waiting_for_a_sweep(running: Platform) -> None:
    assert running.start("todo", "publish", "100", "10", "0.02").wait(timeout=60) == 0
    assert_exactly_once_in_order(running, 100)
    times = running.rows("todo", "SELECT applied_at - committed_at FROM effects_effect ORDER BY id")
    latencies = sorted(seconds for (seconds,) in times)
    assert statistics.median(latencies) < 1.0, latencies  # the sweeps that repair what nudges miss come every second


def test_killing_the_subscriber_in_the_middle_of_a_delivery_loses_and_repeats_nothing(running: Platform) -> None:
    hold_in_the_middle(running, 60)
    end(running, "todo")
    assert running.effects() == []
    (running.home / "hold").unlink()
    running.start("todo", "worker")
    assert_exactly_once_in_order(running, 60)


@pytest.mark.skipif(bool(OTHER_BROKER), reason="a broker that is not ours is not wiped")
def test_a_wiped_broker_loses_nothing(running: Platform) -> None:
    hold_in_the_middle(running, 20)
    end(running, "events")
    with redis.Redis(unix_socket_path=str(running.socket)) as client:
        client.flushall()
    (running.home / "hold").unlink()
    running.start("events", "worker")
    assert_exactly_once_in_order(running, 20)


@pytest.mark.skipif(bool(OTHER_BROKER), reason="a broker that is not ours is not killed")
def test_a_worker_that_could_not_acknowledge_its_task_takes_the_next_one(running: Platform) -> None:
    """Its connection is as dead as the broker was, and nothing would tell it: it may hold no second task meanwhile."""
    hold_in_the_middle(running, 5)
    end_broker(running)
    (running.home / "hold").unlink()
    log = running.home / "todo-worker.log"
    wait_for(lambda: "Couldn't ack" in log.read_text(), what="the failure to acknowledge")
    running.broker()
    assert running.start("todo", "publish", "5", "6", "0.0").wait(timeout=60) == 0
    wait_for(lambda: len(running.effects()) == 10, seconds=20, what="the effects of the next task")


def test_a_commit_followed_by_sigkill_is_published_and_a_rollback_is_not(running: Platform) -> None:
    running.start("todo", "publish-and-die").wait(timeout=60)
    assert_exactly_once_in_order(running, 1)


def test_an_event_that_events_refuses_ends_in_quarantine_and_the_others_take_effect(running: Platform) -> None:
    hold_in_the_middle(running, 5)
    bad = uuid.uuid4()
    running.write("events", "INSERT INTO deliveries_refusal VALUES (1, 'todo', ?, 4, 'before', '2026-11-28')", str(bad))
    (running.home / "hold").unlink()
    empty = dict.fromkeys(("actor_id", "request_id", "traceparent"), "")
    moments = {"time": "2026-11-28T12:00:00Z", "claimed_until": "2026-11-28 12:00:00"}
    about = {"source": "todo", "type": "task.changed", "subject": "task/bad", "aggregate_id": "task/bad", "data": "{}"}
    row = {"id": bad.hex, "dataversion": 0, "sequence": 1, "attempts": 0, **about, **moments, **empty}
    places = ", ".join("?" * len(row))
    running.write("todo", f"INSERT INTO eventbus_outboxevent ({', '.join(row)}) VALUES ({places})", *row.values())
    quarantine = "SELECT refusals, refusal FROM eventbus_outboxevent WHERE quarantined_at IS NOT NULL"
    found = wait_for(lambda: running.rows("todo", quarantine), what="the quarantine")
    assert found == [(5, "dataversion is out of range: 0")]
    wait_for(lambda: len(running.effects()) == 5, what="the effects of the others")


def test_workers_end_warmly_on_sigterm(running: Platform) -> None:
    for process in running.workers.values():
        process.terminate()
    assert [process.wait(timeout=20) for process in running.workers.values()] == [0, 0]
