"""The sweep and its guards, by a clock that the test turns."""

from datetime import UTC, datetime

import pytest
from django.conf import settings

from libs.identity.bundle import Bundle
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.journal import MemoryJournal, Saved
from registry_svc.instances.leases import Sweeper
from registry_svc.instances.records import Record
from tests.registry_svc.parts import registration

TTL = 3.0


class World:
    """A catalog, a sweeper and a clock."""

    def __init__(self) -> None:
        self.now = 100.0
        self.noted: list[str] = []
        self.journal = MemoryJournal()
        bundle = Bundle.load(settings.KEYS_DIR / "services.json")
        self.catalog = Catalog(bundle, self.journal, self.noted.append, ttl=TTL, clock=lambda: self.now)
        self.sweeper = Sweeper(self.catalog, every=0.5, percent=15, reap_after=120.0)

    def add(self, count: int, *, expires: float | None = None) -> None:
        for index in range(count):
            mine = registration(instance_id=f"todo-{index}", http_port=80)
            lease = self.now + TTL if expires is None else expires
            self.catalog.put(Record(mine, "internal", datetime.now(UTC), "up", lease), "registered")

    def pass_time(self, seconds: float) -> None:
        """Sweep as the node does, every half second."""
        for _ in range(round(seconds / 0.5)):
            self.now += 0.5
            self.sweeper.sweep()

    def beat(self) -> None:
        for record in self.catalog.records("todo"):
            if record.lease_held:
                record.renew(expires=self.now + TTL, in_flight=0, holder=None)

    @property
    def states(self) -> list[str]:
        return [record.state for record in self.catalog.records("todo")]


@pytest.fixture
def world() -> World:
    world = World()
    world.sweeper.sweep()
    return world


def warmed(world: World) -> World:
    world.pass_time(TTL)
    assert not world.catalog.warming
    return world


def test_nobody_is_evicted_during_the_warm_up(world: World) -> None:
    world.add(3, expires=0.0)
    world.pass_time(TTL - 0.5)
    assert world.states == ["up"] * 3
    assert world.catalog.degraded("todo")


def test_the_end_of_the_warm_up_is_a_change_that_watchers_see(world: World) -> None:
    before = world.catalog.revision("auth")
    warmed(world)
    assert world.catalog.revision("auth") > before
    assert not world.catalog.degraded("auth")


def test_a_lease_lapses_after_three_silent_beats(world: World) -> None:
    warmed(world).add(1)
    world.pass_time(TTL)
    assert world.states == ["up"]
    world.pass_time(0.5)
    assert world.states == ["down"]


def test_when_many_lapse_at_once_a_sweep_takes_fifteen_percent_and_says_degraded(world: World) -> None:
    warmed(world).add(20)
    world.pass_time(TTL + 0.5)
    assert world.states.count("down") == 3
    assert world.catalog.degraded("todo")
    assert world.catalog.snapshot("todo").degraded
    world.pass_time(0.5)
    assert world.states.count("down") == 6
    world.pass_time(5)
    assert world.states.count("down") == 20
    assert not world.catalog.degraded("todo")


def test_a_type_of_few_loses_one_per_sweep(world: World) -> None:
    warmed(world).add(2)
    world.pass_time(TTL + 0.5)
    assert world.states.count("down") == 1
    world.pass_time(0.5)
    assert world.states.count("down") == 2


def test_a_late_sweep_gives_the_time_back(world: World) -> None:
    warmed(world).add(5)
    world.now += 60  # the process stood still; the beats wait in the sockets
    world.sweeper.sweep()
    assert world.states == ["up"] * 5
    world.beat()
    world.pass_time(1)
    assert world.states == ["up"] * 5


def test_who_stays_down_is_reaped_after_two_minutes(world: World) -> None:
    warmed(world).add(1)
    world.pass_time(TTL + 0.5)
    world.pass_time(119)
    assert world.states == ["down"]
    world.pass_time(2)
    assert world.states == []
    last = world.journal.changes[-1]
    assert (last.before, last.after, last.saved) == ("down", "", None)


def test_restored_instances_have_one_lease_to_show_up() -> None:
    world = World()
    mine, gone = registration(http_port=80), registration(instance_id="todo-2", http_port=80)
    at = datetime.now(UTC)
    world.catalog.restore([Saved(mine, "draining", False, at), Saved(gone, "up", True, at)])
    assert world.states == ["draining", "down"]
    world.pass_time(TTL + 1)
    assert world.states == ["down", "down"]


def test_revisions_only_grow_and_follow_the_clock(world: World) -> None:
    seen = [world.catalog.revision("todo")]
    for _ in range(50):
        world.add(1)
        seen.append(world.catalog.revision("todo"))
    assert seen == sorted(set(seen))
    assert abs(seen[-1] - datetime.now(UTC).timestamp() * 1000) < 5000
