"""Coalescing of changes."""

import asyncio

from registry_svc.instances.changes import COALESCE, Changes


async def test_the_first_change_is_told_at_once_and_those_after_it_together() -> None:
    changes, told = Changes(asyncio.get_running_loop()), []
    more = asyncio.Event()
    changes.listen(lambda service: (told.append(service), more.set()))
    began = asyncio.get_running_loop().time()
    changes.note("todo")
    await asyncio.wait_for(more.wait(), 1)
    assert asyncio.get_running_loop().time() - began < COALESCE
    more.clear()
    for _ in range(50):
        changes.note("todo")
    await asyncio.wait_for(more.wait(), 1)
    assert told == ["todo", "todo"]
    assert asyncio.get_running_loop().time() - began >= COALESCE * 0.9


async def test_one_type_does_not_hold_up_another() -> None:
    changes, told = Changes(asyncio.get_running_loop()), []
    both = asyncio.Event()
    changes.listen(lambda service: (told.append(service), both.set() if len(told) == 2 else None))
    changes.note("todo")
    changes.note("auth")
    await asyncio.wait_for(both.wait(), COALESCE)
    assert told == ["todo", "auth"]


async def test_a_removed_listener_hears_nothing() -> None:
    changes, told = Changes(asyncio.get_running_loop()), []
    heard = asyncio.Event()
    unlisten = changes.listen(told.append)
    changes.listen(lambda service: heard.set())
    unlisten()
    changes.note("todo")
    await asyncio.wait_for(heard.wait(), 1)
    assert told == []
