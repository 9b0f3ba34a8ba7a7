"""The context follows threads of execution, not threads of the machine."""

import asyncio
import contextvars
import threading

from libs.telemetry import context


def test_fields_are_added_and_taken_back() -> None:
    with context.bound(request_id="r1"):
        with context.bound(user_id="u1", request_id="r2"):
            assert context.current() == {"request_id": "r2", "user_id": "u1"}
        assert context.current() == {"request_id": "r1"}
    assert context.current() == {}


def test_what_current_gives_is_a_copy() -> None:
    context.current()["request_id"] = "r1"
    assert context.current() == {}


async def test_tasks_do_not_see_each_others_fields() -> None:
    both = asyncio.Barrier(2)

    async def work(request_id: str) -> dict[str, str]:
        with context.bound(request_id=request_id):
            await both.wait()
            return context.current()

    assert await asyncio.gather(work("a"), work("b")) == [{"request_id": "a"}, {"request_id": "b"}]


def test_a_new_thread_begins_without_fields_unless_it_is_given_the_context() -> None:
    seen = []
    with context.bound(request_id="r1"):
        given = contextvars.copy_context()
        for work in (context.current, lambda: given.run(context.current)):
            thread = threading.Thread(target=lambda work=work: seen.append(work()))
            thread.start()
            thread.join()
    assert seen == [{}, {"request_id": "r1"}]
