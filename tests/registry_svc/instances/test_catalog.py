"""What one Registry takes from what others have stored, and what it keeps for itself."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.discovery import Load
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.journal import MemoryJournal
from registry_svc.instances.store import Key, Saved
from tests.registry_svc.parts import catalog_of, record, registration

AT = datetime(2026, 1, 1, tzinfo=UTC)
EARLIER, MINE, LATER = (registration(http_port=80) for _ in range(3))


class Busy(MemoryJournal):
    """A journal that has not written some changes yet."""

    keys: frozenset[Key] = frozenset()

    def pending(self) -> frozenset[Key]:
        return self.keys


class Holder:
    """A stream that counts how often it was woken."""

    woken = 0

    def wake(self) -> None:
        self.woken += 1


@pytest.fixture
def catalog() -> Catalog:
    return catalog_of(Busy(), lambda service: None, clock=Clock())


class Clock:
    """A clock that moves on a little with each look."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def stored(mine: Any = MINE, **fields: Any) -> Saved:
    return dataclasses.replace(Saved(mine, "up", False, False, "registry-2", AT), **fields)


def learn(catalog: Catalog, *saved: Saved) -> list[Key]:
    return catalog.learn(lambda: saved)


def states(catalog: Catalog) -> dict[str, str]:
    return {each.id: each.state for each in catalog.snapshot("todo").items}


def test_an_instance_of_another_registry_is_known_and_its_state_followed(catalog: Catalog) -> None:
    learn(catalog, stored())
    assert (states(catalog), catalog.record("todo", "todo-1").owner) == ({"todo-1": "up"}, "registry-2")
    learn(catalog, stored(down=True))
    assert states(catalog) == {"todo-1": "down"}
    learn(catalog, stored(desired="draining"))
    assert states(catalog) == {"todo-1": "draining"}
    learn(catalog, stored(gone=True))
    assert states(catalog) == {}
    assert catalog.grave("todo", "todo-1") == MINE.incarnation
    assert catalog.journal.changes == []  # type: ignore[attr-defined]


def test_what_is_known_already_is_no_news(catalog: Catalog) -> None:
    learn(catalog, stored())
    before = catalog.revision("todo")
    learn(catalog, stored())
    assert catalog.revision("todo") == before


def test_an_earlier_incarnation_is_not_believed(catalog: Catalog) -> None:
    learn(catalog, stored(LATER))
    learn(catalog, stored(EARLIER, down=True), stored(MINE, gone=True))
    assert states(catalog) == {"todo-1": "up"}
    assert catalog.instance("todo", "todo-1").incarnation == LATER.incarnation


def test_of_an_own_lease_only_the_wish_of_another_registry_counts_and_the_instance_hears_of_it(
    catalog: Catalog,
) -> None:
    holder = Holder()
    catalog.put(record(MINE), "registered")
    catalog.record("todo", "todo-1").holder = holder
    learn(catalog, stored(owner="registry-1", down=True, desired="maintenance"))
    assert states(catalog) == {"todo-1": "maintenance"}
    assert holder.woken == 1


def test_a_lease_that_another_registry_took_over_is_no_longer_judged_here(catalog: Catalog) -> None:
    catalog.put(record(MINE), "registered")
    catalog.record("todo", "todo-1").load = Load(3)
    learn(catalog, stored())
    assert catalog.record("todo", "todo-1").owner == "registry-2"
    assert catalog.instance("todo", "todo-1").load == Load(3), "until the new owner tells of it"


def test_who_takes_a_lease_over_says_whether_it_is_down(catalog: Catalog) -> None:
    learn(catalog, stored())
    with catalog.change("todo", "todo-1", "the lease is held again") as mine:
        mine.owner = "registry-1"
        mine.renew(expires=1e9, load=Load(), holder=None)
    (written,) = catalog.journal.changes  # type: ignore[attr-defined]
    assert written.fields == {"owner": "registry-1", "down": False}


@pytest.mark.parametrize("meanwhile", ["pending", "changed"])
def test_what_may_be_older_than_a_change_made_here_is_read_again(catalog: Catalog, meanwhile: str) -> None:
    catalog.put(record(MINE), "registered")

    def change() -> None:
        with catalog.change("todo", "todo-1", "an operator's wish") as mine:
            mine.desired = "maintenance"

    def read() -> list[Saved]:
        old = [stored(owner="registry-1")]
        if meanwhile == "changed":
            change()
        return old

    if meanwhile == "pending":
        change()
        catalog.journal.keys = frozenset({("todo", "todo-1")})  # type: ignore[attr-defined]
    assert catalog.learn(read) == [("todo", "todo-1")]
    assert states(catalog) == {"todo-1": "maintenance"}
    catalog.journal.keys = frozenset()  # type: ignore[attr-defined]
    assert learn(catalog, stored(owner="registry-1", desired="draining")) == []
    assert states(catalog) == {"todo-1": "draining"}


def test_what_nobody_has_stored_any_more_is_written_again_by_who_holds_it(catalog: Catalog) -> None:
    catalog.put(record(MINE), "registered")
    learn(catalog, stored(registration(instance_id="todo-2", http_port=80)))
    written: list[Any] = catalog.journal.changes  # type: ignore[attr-defined]
    del written[:]
    catalog.rewrite({("todo", "todo-1"), ("todo", "todo-2")})
    assert written == []
    catalog.rewrite(set())
    assert [(each.id, each.fields["owner"], each.before, each.after) for each in written] == [
        ("todo-1", "registry-1", "up", "up")
    ]


def test_at_a_start_what_no_living_registry_holds_is_the_own(catalog: Catalog) -> None:
    other = registration(instance_id="todo-2", http_port=80)
    catalog.restore([stored(), stored(other, owner="registry-3")], owners=["registry-3"])
    owners: Callable[[str], str] = lambda name: catalog.record("todo", name).owner  # noqa: E731
    assert (owners("todo-1"), owners("todo-2")) == ("registry-1", "registry-3")


def test_revisions_of_two_registries_differ() -> None:
    one, other = (catalog_of(MemoryJournal(), lambda service: None) for _ in range(2))
    other._salt = (one._salt + 1) % 16
    for each in (one, other):
        for _ in range(50):
            each._touch("todo", "x")
            assert each.revision("todo") % 16 == each._salt
