"""Every committed event takes effect exactly once and in order, whatever dies."""

import statistics
from collections import defaultdict

import pytest
import redis

from tests.events_svc.real_broker.conftest import Platform, wait_for


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


def test_published_events_take_effect_in_milliseconds(running: Platform) -> None:
    running.start("todo", "publish", "100", "10", "0.02").wait(timeout=60)
    assert_exactly_once_in_order(running, 100)
    times = running.rows("todo", "SELECT applied_at - committed_at FROM effects_effect ORDER BY id")
    latencies = sorted(seconds for (seconds,) in times)
    assert statistics.median(latencies) < 0.25, latencies


def test_killing_the_subscriber_in_the_middle_of_a_delivery_loses_and_repeats_nothing(running: Platform) -> None:
    (running.home / "hold").touch()
    running.start("todo", "publish", "60", "6", "0.0").wait(timeout=60)
    wait_for((running.home / "inside").exists, what="the reaction")
    subscriber = running.running[2]
    subscriber.kill()
    subscriber.wait(timeout=10)
    assert running.effects() == []
    (running.home / "hold").unlink()
    running.start("todo", "worker")
    assert_exactly_once_in_order(running, 60)


def test_a_wiped_broker_loses_nothing(running: Platform) -> None:
    events = running.running[1]
    (running.home / "hold").touch()
    running.start("todo", "publish", "20", "4", "0.0").wait(timeout=60)
    wait_for((running.home / "inside").exists, what="the reaction")
    events.kill()
    events.wait(timeout=10)
    with redis.Redis(unix_socket_path=str(running.socket)) as client:
        client.flushall()
    (running.home / "hold").unlink()
    running.start("events", "worker")
    assert_exactly_once_in_order(running, 20)


def test_a_commit_followed_by_sigkill_is_published_and_a_rollback_is_not(running: Platform) -> None:
    running.start("todo", "publish-and-die").wait(timeout=60)
    assert_exactly_once_in_order(running, 1)


def test_workers_end_warmly_on_sigterm(running: Platform) -> None:
    for process in running.running[1:]:
        process.terminate()
    assert [process.wait(timeout=20) for process in running.running[1:]] == [0, 0]
