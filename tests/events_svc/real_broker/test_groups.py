"""Several workers of one service: they stop in mid-batch, and die in the middle of a replay."""

from tests.events_svc.real_broker.conftest import Platform, wait_for
from tests.events_svc.real_broker.test_exactly_once import assert_exactly_once_in_order, hold_in_the_middle

#: So many events are under way to a subscriber at most, in several batches.
WINDOW = 400
PER_SECOND = 100


def start_two(platform: Platform, service: str) -> None:
    for number in range(2):
        platform.workers[f"{service}-{number}"] = platform.start(service, "worker")


def count(platform: Platform, status: str) -> int:
    rows = platform.rows("events", f"SELECT count(*) FROM deliveries_delivery WHERE status = '{status}'")
    return int(rows[0][0])


def test_workers_that_stop_in_mid_batch_finish_or_return_what_they_hold(platform: Platform) -> None:
    """With a lease that outlasts the test, what they kept for themselves would be missing."""
    platform.lease = 600
    platform.start("events", "worker")
    wait_for((platform.home / "events.port").exists, what="the bridge of Events")
    start_two(platform, "todo")
    wait_for(platform.subscribed, what="the subscription")
    hold_in_the_middle(platform, WINDOW + 50, WINDOW + 50)
    wait_for(lambda: count(platform, "sent") == WINDOW, what="several batches under way")
    group = [platform.workers.pop(f"todo-{number}") for number in range(2)]
    for process in group:
        process.terminate()
    (platform.home / "hold").unlink()
    assert [process.wait(timeout=30) for process in group] == [0, 0]
    effects = len(platform.effects())
    assert effects > 1
    wait_for(lambda: count(platform, "acked") == effects, what="the acknowledgement of all that was begun")
    platform.start("todo", "worker")
    assert_exactly_once_in_order(platform, WINDOW + 50)


def replayed(platform: Platform) -> int:
    return int(platform.rows("events", "SELECT sum(events) FROM deliveries_replay")[0][0])


def test_a_replay_at_a_pace_survives_the_death_of_its_sweepers_and_sends_each_event_once(platform: Platform) -> None:
    start_two(platform, "events")
    wait_for((platform.home / "events.port").exists, what="the bridge of Events")
    platform.start("todo", "worker")
    wait_for(platform.subscribed, what="the subscription")
    assert platform.start("todo", "publish", "400", "10", "0.0").wait(timeout=60) == 0
    assert_exactly_once_in_order(platform, 400)
    platform.manage("events", "replay", "--subscriber", "todo", "--since", "1h", "--per-second", str(PER_SECOND))
    for number, share in enumerate((100, 200)):
        wait_for(lambda share=share: replayed(platform) >= share, what=f"{share} replayed events")
        platform.workers[f"events-{number}"].kill()
        platform.start("events", "worker")
    length = "SELECT (julianday(ended_at) - julianday(started_at)) * 86400 FROM deliveries_replay"
    seconds = wait_for(lambda: platform.rows("events", length)[0][0], what="the end of the replay")
    assert replayed(platform) == 400
    assert seconds > 400 / PER_SECOND - 2, "a second is made up for after each death, no more"
    again = "SELECT count(*) FROM deliveries_delivery, deliveries_replay WHERE queued_at >= started_at"
    assert platform.rows("events", again) == [(400,)]
    assert_exactly_once_in_order(platform, 400)
