"""The sweep and its guards, by a clock that the test turns."""

from datetime import UTC, datetime

import pytest

from libs.discovery import LastCheck, Load
from registry_svc.instances.journal import MemoryJournal
from registry_svc.instances.leases import TICK, Sweeper
from registry_svc.instances.records import Record
from registry_svc.instances.store import Saved
from tests.registry_svc.parts import catalog_of, record, registration

TTL = 3.0


class World:
    """A catalog, a sweeper and a clock."""

    def __init__(self, **policy: float) -> None:
        self.now = 100.0
        self.noted: list[str] = []
        self.doubted: list[str] = []
        self.journal = MemoryJournal()
        self.catalog = catalog_of(self.journal, self.noted.append, lambda: self.now, ttl=TTL, **policy)
        self.sweeper = Sweeper(self.catalog, lambda each: self.doubted.append(each.registration.id))

    def add(self, count: int, *, expires: float | None = None) -> None:
        for index in range(count):
            mine = registration(instance_id=f"todo-{index}", http_port=80)
            self.catalog.put(record(mine, self.catalog.expiry() if expires is None else expires), "registered")

    def pass_time(self, seconds: float) -> None:
        """Sweep as the node does."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now += TICK
            self.sweeper.sweep()

    def beat(self) -> None:
        for each in self.catalog.records("todo"):
            if each.lease_held:
                each.renew(expires=self.catalog.expiry(), load=Load(), holder=None)

    @property
    def records(self) -> list[Record]:
        return self.catalog.records("todo")

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.records]


@pytest.fixture
def world() -> World:
    world = World()
    world.sweeper.sweep()
    return world


def warmed(world: World) -> World:
    world.pass_time(TTL + 0.1)
    assert not world.catalog.degraded("todo")
    return world


def test_nobody_is_evicted_during_the_warm_up(world: World) -> None:
    world.add(3, expires=0.0)
    world.pass_time(TTL - 0.5)
    assert world.states == ["up"] * 3
    assert world.catalog.guards.of("todo") == ("warm_up",)


def test_the_warm_up_may_be_longer_than_a_lease() -> None:
    world = World(warm_up=10.0)
    world.add(1, expires=0.0)
    world.pass_time(9.5)
    assert world.states == ["up"]
    world.pass_time(1.0)
    assert world.states == ["down"]


def test_the_end_of_the_warm_up_is_a_change_that_watchers_see(world: World) -> None:
    before = world.catalog.revision("auth")
    warmed(world)
    assert world.catalog.revision("auth") > before
    assert not world.catalog.degraded("auth")


def test_a_silent_instance_is_down_before_its_third_beat_is_missed(world: World) -> None:
    warmed(world).add(1)
    world.pass_time(2.7)
    assert world.states == ["up"]
    world.pass_time(0.1)
    assert world.states == ["down"]


def test_a_single_silence_is_noticed_within_a_tick_however_many_beat(world: World) -> None:
    warmed(world).add(50)
    silent = world.records[7]
    for _ in range(3):
        world.pass_time(0.9)
        for each in world.records:
            if each is not silent:
                each.renew(expires=world.catalog.expiry(), load=Load(), holder=None)
    assert world.states.count("down") == 0
    world.pass_time(0.1)
    assert [each.registration.id for each in world.records if each.state == "down"] == [silent.registration.id]
    assert not world.catalog.degraded("todo")


def test_when_many_lapse_at_once_a_sweep_takes_fifteen_percent_and_says_degraded(world: World) -> None:
    warmed(world).add(20)
    world.pass_time(2.8)
    assert world.states.count("down") == 3
    assert world.catalog.guards.of("todo") == ("mass_loss",)
    assert world.catalog.snapshot("todo").degraded
    assert not world.catalog.degraded("auth")
    world.pass_time(0.55)
    assert world.states.count("down") == 6
    world.pass_time(5)
    assert world.states.count("down") == 20
    assert not world.catalog.degraded("todo")


def test_the_share_that_may_go_is_a_setting() -> None:
    world = World(evict_percent=100)
    world.sweeper.sweep()
    warmed(world).add(20)
    world.pass_time(2.8)
    assert world.states.count("down") == 20


def test_a_type_of_few_loses_one_per_sweep(world: World) -> None:
    warmed(world).add(2)
    world.pass_time(2.8)
    assert world.states.count("down") == 1
    world.pass_time(0.55)
    assert world.states.count("down") == 2


def test_a_standstill_gives_all_leases_their_time_anew(world: World) -> None:
    warmed(world).add(5)
    world.pass_time(2.5)
    world.now += 60  # the process stood still; the beats wait in the sockets
    world.sweeper.sweep()
    assert world.catalog.guards.of("todo") == ("stall",)
    world.pass_time(2.5)
    assert world.states == ["up"] * 5
    world.beat()
    world.pass_time(1)
    assert world.states == ["up"] * 5
    assert not world.catalog.degraded("todo")


def test_a_short_delay_is_no_standstill(world: World) -> None:
    warmed(world).add(1)
    world.now += 0.4
    world.sweeper.sweep()
    assert not world.catalog.degraded("todo")


def test_who_died_during_a_standstill_is_down_one_lease_after_it(world: World) -> None:
    warmed(world).add(1)
    world.now += 60
    world.sweeper.sweep()
    world.pass_time(TTL + 0.2)
    assert world.states == ["down"]


def test_who_stays_down_is_reaped_after_two_minutes(world: World) -> None:
    warmed(world).add(1)
    world.pass_time(TTL)
    world.pass_time(119)
    assert world.states == ["down"]
    world.pass_time(2)
    assert world.states == []
    last = world.journal.changes[-1]
    assert (last.before, last.after, last.fields) == ("down", "", None)


def test_restored_instances_have_one_lease_to_show_up() -> None:
    world = World()
    mine, gone = registration(http_port=80), registration(instance_id="todo-2", http_port=80)
    at = datetime.now(UTC)
    world.catalog.restore(
        [Saved(mine, "draining", False, False, "registry-1", at), Saved(gone, "up", True, False, "registry-1", at)]
    )
    assert world.states == ["draining", "down"]
    world.pass_time(TTL - 0.1)
    assert world.states == ["draining", "down"]
    world.pass_time(1)
    assert world.states == ["down", "down"]


def test_with_many_leases_beats_are_further_apart_and_silence_lasts_longer() -> None:
    world = World(beats_per_second=10)
    world.sweeper.sweep()
    world.add(40)
    world.sweeper.pace()
    assert world.catalog.heartbeat_every == 4.0
    world.beat()
    warmed(world)
    world.beat()
    world.pass_time(10.9)
    assert world.states == ["up"] * 40
    world.pass_time(0.2)
    assert "down" in world.states


def test_up_to_a_thousand_leases_beat_every_second(world: World) -> None:
    world.add(1000)
    world.sweeper.pace()
    assert world.catalog.heartbeat_every == 1.0
    world.add(1001)
    world.sweeper.pace()
    assert world.catalog.heartbeat_every == 1.001


def test_leases_of_another_registry_are_its_own_business(world: World) -> None:
    warmed(world).add(1)
    world.records[0].owner = "registry-2"
    world.pass_time(300)
    assert world.states == ["up"]


def test_who_was_taken_over_from_a_dead_registry_and_does_not_beat_is_asked_before_it_is_evicted(world: World) -> None:
    warmed(world).add(1)
    world.records[0].owner = "registry-2"
    world.catalog.adopt("todo", "todo-0")
    world.pass_time(TTL + 0.1)
    assert (world.states, world.doubted) == (["up"], ["todo-0"])
    world.beat()
    world.pass_time(TTL)
    assert (world.states, world.doubted) == (["down"], ["todo-0"])


def test_a_damped_instance_comes_back_when_its_time_is_over(world: World) -> None:
    warmed(world).add(1)
    only = world.records[0]
    for _ in range(3):
        with world.catalog.change("todo", "todo-0", "a test") as changing:
            changing.lose_lease()
        with world.catalog.change("todo", "todo-0", "a test") as changing:
            changing.lease_held = True
    with world.catalog.change("todo", "todo-0", "a test") as changing:
        changing.lose_lease()
    with world.catalog.change("todo", "todo-0", "a test") as changing:
        changing.lease_held = True
    assert (only.state, only.damped, world.catalog.instance("todo", "todo-0").damped) == ("down", True, True)
    for _ in range(121):
        world.beat()
        world.pass_time(0.5)
    assert (only.state, only.damped) == ("up", False)


def test_a_warning_is_no_flapping(world: World) -> None:
    warmed(world).add(1)
    for _ in range(50):
        for status in ("passing", "warning"):
            with world.catalog.change("todo", "todo-0", "a test") as changing:
                changing.take_check(LastCheck(datetime.now(UTC), status))  # type: ignore[arg-type]
    assert world.states == ["up"]


def test_revisions_only_grow_and_follow_the_clock(world: World) -> None:
    seen = [world.catalog.revision("todo")]
    for _ in range(50):
        world.add(1)
        seen.append(world.catalog.revision("todo"))
    assert seen == sorted(set(seen))
    assert abs(seen[-1] - datetime.now(UTC).timestamp() * 1000) < 5000
