"""What a stream of changes gives."""

import asyncio
from typing import Any

import pytest

from registry_svc.instances import catalog as catalogs
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.changes import Changes
from registry_svc.instances.journal import MemoryJournal
from registry_svc.instances.watching import follow
from tests.registry_svc.parts import catalog_of, record, registration


def make() -> tuple[Catalog, Changes]:
    changes = Changes(asyncio.get_running_loop())
    return catalog_of(MemoryJournal(), changes.note), changes


def add(catalog: Catalog, service: str, instance_id: str) -> None:
    catalog.put(record(registration(service, instance_id, http_port=80)), "registered")


async def test_first_the_state_of_all_types_then_the_changes() -> None:
    catalog, changes = make()
    stream = follow(catalog, changes, ["auth", "todo"], {})
    first = [await anext(stream), await anext(stream)]
    assert {(each.type, each.items) for each in first} == {("auth", ()), ("todo", ())}
    add(catalog, "events", "events-1")
    add(catalog, "todo", "todo-1")
    changed = await asyncio.wait_for(anext(stream), 2)
    assert (changed.type, [each.id for each in changed.items]) == ("todo", ["todo-1"])
    await stream.aclose()


async def test_a_known_revision_is_not_told_again() -> None:
    catalog, changes = make()
    stream = follow(catalog, changes, ["todo"], {"todo": catalog.revision("todo")})
    waiting = asyncio.ensure_future(anext(stream))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    add(catalog, "todo", "todo-1")
    assert (await asyncio.wait_for(waiting, 2)).revision == catalog.revision("todo")
    await stream.aclose()


async def test_who_falls_behind_gets_the_state_once_as_it_is() -> None:
    catalog, changes = make()
    stream = follow(catalog, changes, ["todo"], {})
    await anext(stream)
    told = asyncio.Event()
    changes.listen(lambda service: told.set() if len(catalog.records("todo")) == 3 else None)
    for index in range(3):
        add(catalog, "todo", f"todo-{index}")
    await asyncio.wait_for(told.wait(), 2)
    latest = await asyncio.wait_for(anext(stream), 2)
    assert len(latest.items) == 3
    await stream.aclose()


async def test_a_stream_that_ends_stops_listening() -> None:
    catalog, changes = make()
    stream = follow(catalog, changes, ["todo"], {})
    await anext(stream)
    assert len(changes._listeners) == 1
    await stream.aclose()
    assert changes._listeners == []


async def following(catalog: Catalog, changes: Changes) -> Any:
    """Open a stream of deltas and give it after its first answer."""
    stream = follow(catalog, changes, ["todo"], {}, deltas=True)
    first = await anext(stream)
    assert not first.delta
    return stream


async def test_who_asks_for_deltas_gets_only_what_changed_after_the_first_answer() -> None:
    catalog, changes = make()
    add(catalog, "todo", "todo-1")
    add(catalog, "todo", "todo-2")
    stream = await following(catalog, changes)
    add(catalog, "todo", "todo-3")
    catalog.drop("todo", "todo-1", "a test")
    news = await asyncio.wait_for(anext(stream), 2)
    assert (news.delta, [each.id for each in news.items], news.removed) == (True, ["todo-3"], ("todo-1",))
    await stream.aclose()


async def test_who_is_too_far_behind_for_a_delta_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "LOG_LENGTH", 3)
    catalog, changes = make()
    stream = await following(catalog, changes)
    for index in range(5):
        add(catalog, "todo", f"todo-{index}")
    news = await asyncio.wait_for(anext(stream), 2)
    assert (news.delta, len(news.items)) == (False, 5)
    await stream.aclose()


async def test_when_a_guard_goes_off_everything_is_told_again() -> None:
    catalog, changes = make()
    add(catalog, "todo", "todo-1")
    stream = await following(catalog, changes)
    catalog.guards.off("warm_up")
    news = await asyncio.wait_for(anext(stream), 2)
    assert (news.delta, news.degraded, len(news.items)) == (False, False, 1)
    await stream.aclose()


async def test_a_guard_that_comes_and_goes_costs_a_watcher_only_what_changed_meanwhile() -> None:
    catalog, changes = make()
    catalog.guards.off("warm_up")
    for index in range(3):
        add(catalog, "todo", f"todo-{index}")
    stream = await following(catalog, changes)
    catalog.guards.on("stall")
    news = await asyncio.wait_for(anext(stream), 2)
    assert (news.delta, news.degraded, news.items, news.removed) == (True, True, (), ())
    catalog.drop("todo", "todo-0", "a test")
    news = await asyncio.wait_for(anext(stream), 2)
    assert (news.delta, news.degraded, news.removed) == (True, True, ("todo-0",))
    catalog.guards.off("stall")
    news = await asyncio.wait_for(anext(stream), 2)
    assert (news.delta, news.degraded, news.items) == (True, False, ())
    assert news.removed == ("todo-0",), "who kept it while it was in doubt drops it now"
    await stream.aclose()


async def test_many_watchers_share_one_answer() -> None:
    catalog, changes = make()
    add(catalog, "todo", "todo-1")
    streams = [await following(catalog, changes) for _ in range(3)]
    add(catalog, "todo", "todo-2")
    news = [await asyncio.wait_for(anext(stream), 2) for stream in streams]
    assert {id(each) for each in news} == {id(news[0])}
    for stream in streams:
        await stream.aclose()
