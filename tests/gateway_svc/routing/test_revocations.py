import asyncio
from typing import Any

import pytest

from gateway_svc.routing import revocations
from gateway_svc.routing.revocations import RevocationPoller, Revoked, ask_auth
from libs.contracts.errors import Unavailable
from tests.gateway_svc.services import Auth


class Script:
    """Answers given one after the other; an exception among them is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.cursors: list[str] = []
        self.refreshed = 0

    def ask(self, cursor: str) -> dict[str, Any]:
        self.cursors.append(cursor)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {
            "sessions": [{"session_id": item} for item in answer[0]],
            "jwks_version": answer[1],
            "cursor": answer[2],
        }

    def refresh(self) -> None:
        self.refreshed += 1


async def polled(script: Script) -> Revoked:
    revoked = Revoked()
    poller = RevocationPoller(revoked, script.refresh, script.ask)
    for _ in list(script.answers):
        await poller.poll()
    return revoked


async def test_asks_for_everything_first_and_then_after_the_cursor() -> None:
    script = Script((["a"], "v1", "1"), ([], "v1", "1"), (["b"], "v1", "2"))

    revoked = await polled(script)

    assert script.cursors == ["", "1", "1"]
    assert "a" in revoked
    assert "b" in revoked
    assert "c" not in revoked


async def test_refreshes_the_keys_when_their_version_changes() -> None:
    script = Script(([], "v1", "1"), ([], "v1", "1"), ([], "v2", "1"))

    await polled(script)

    assert script.refreshed == 2


@pytest.mark.parametrize("failure", [Unavailable(), ValueError("no JSON"), KeyError("cursor"), OSError("net")])
async def test_goes_on_after_a_failure_from_the_same_cursor(failure: Exception) -> None:
    script = Script((["a"], "v1", "1"), failure, (["b"], "v1", "2"))

    revoked = await polled(script)

    assert script.cursors == ["", "1", "1"]
    assert "a" in revoked
    assert "b" in revoked


async def test_keys_that_could_not_be_refreshed_are_refreshed_next_time() -> None:
    failures = [Unavailable()]
    refreshed: list[int] = []

    def refresh() -> None:
        if failures:
            raise failures.pop()
        refreshed.append(1)

    poller = RevocationPoller(Revoked(), refresh, Script(([], "v1", "1"), ([], "v1", "1")).ask)
    await poller.poll()
    await poller.poll()

    assert refreshed == [1]


async def test_forgets_what_ended_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "KEEP_SECONDS", -1.0)
    revoked = Revoked()
    revoked.add(["a", "b"])

    assert len(revoked) == 0


async def test_until_the_first_answer_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "PATIENCE", 0.01)

    with pytest.raises(Unavailable):
        await Revoked().wait_until_known()


async def test_a_request_at_the_start_waits_for_the_first_answer() -> None:
    revoked = Revoked()
    waiting = asyncio.create_task(revoked.wait_until_known())
    assert not revoked.known
    revoked.add([])

    await asyncio.wait_for(waiting, 1)
    assert revoked.known


async def test_personal_tokens_that_ended_are_told_with_the_sessions(auth: Auth) -> None:
    auth.ended = ["a", "pat-1"]
    revoked = Revoked()
    await RevocationPoller(revoked, lambda: None).poll()

    assert "a" in revoked
    assert "pat-1" in revoked
    assert len(revoked) == 2


async def test_asks_auth_over_the_bridge(auth: Auth) -> None:
    auth.ended = ["a", "b"]

    assert (await asyncio.to_thread(ask_auth, ""))["sessions"] == [{"session_id": "a"}, {"session_id": "b"}]
    answer = await asyncio.to_thread(ask_auth, "1")
    assert (answer["sessions"], answer["cursor"]) == ([{"session_id": "b"}], "2")
