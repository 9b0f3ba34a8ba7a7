"""What a stream of changes gives."""

import asyncio
from datetime import UTC, datetime

from django.conf import settings

from libs.identity.bundle import Bundle
from registry_svc.instances.catalog import Catalog
from registry_svc.instances.changes import Changes
from registry_svc.instances.journal import MemoryJournal
from registry_svc.instances.records import Record
from registry_svc.instances.watching import follow
from tests.registry_svc.parts import registration


def make() -> tuple[Catalog, Changes]:
    changes = Changes(asyncio.get_running_loop())
    bundle = Bundle.load(settings.KEYS_DIR / "services.json")
    return Catalog(bundle, MemoryJournal(), changes.note, ttl=3.0), changes


def add(catalog: Catalog, service: str, instance_id: str) -> None:
    mine = registration(service, instance_id, http_port=80)
    catalog.put(Record(mine, "internal", datetime.now(UTC), "up", catalog.clock() + 3), "registered")


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
