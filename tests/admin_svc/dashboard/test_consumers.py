"""The sockets: staff only, live services, live logs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client

from admin_svc.config.asgi import application
from admin_svc.dashboard.consumers import REFUSED, StaffConsumer
from admin_svc.dashboard.hub import lifespan
from admin_svc.dashboard.sources.recording import RecordingSource
from tests.admin_svc.scenes import a_record, an_instance
from tests.admin_svc.sockets import SocketClient

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = b"http://127.0.0.1:8082"


@pytest.fixture(autouse=True)
async def running_hub() -> AsyncIterator[None]:
    yield
    await lifespan.stop()


def socket(path: str, client: Client | None, origin: bytes = ORIGIN) -> SocketClient:
    cookie = client.cookies["mt_admin_session"].value.encode() if client else b""
    headers = [(b"origin", origin), (b"host", b"127.0.0.1:8082"), (b"cookie", b"mt_admin_session=" + cookie)]
    return SocketClient(application, path, headers=headers)


async def test_strangers_get_no_socket() -> None:
    connection = socket("/ws/topics/services/", None)
    assert await connection.connect()
    assert await connection.close_code() == REFUSED


async def test_a_page_of_another_site_gets_no_socket(page: Client) -> None:
    assert await socket("/ws/topics/services/", page, b"https://evil.example").connect() is False


async def test_the_socket_sends_the_overview_and_every_change(page: Client, platform: RecordingSource) -> None:
    connection = socket("/ws/topics/services/", page)
    await connection.connect()
    first = await connection.receive()
    assert "7 of 7 services healthy" in first["html"]
    platform.change(an_instance("todo", state="down"))
    second = await connection.receive()
    assert 'data-state="down"' in second["html"]
    await connection.disconnect()


async def test_an_unknown_topic_is_closed(page: Client) -> None:
    connection = socket("/ws/topics/weather/", page)
    await connection.connect()
    assert await connection.close_code() == 4404


async def test_the_log_socket_sends_rows_and_waits_for_acknowledgement(page: Client, platform: RecordingSource) -> None:
    written: list[dict[str, Any]] = []

    def tail(given: dict[str, Any]) -> dict[str, Any]:
        after = int(given.get("after", len(written)))
        return {"items": written[after:], "cursor": str(len(written)), "gaps": []}

    platform.answer("GET", "logger", "/v1/logs/tail", tail)
    connection = socket("/ws/logs/", page)
    await connection.connect()
    await connection.send({"op": "follow", "filter": {"service": "todo", "nonsense": "x"}})
    assert (await connection.until("status"))["well"] is True
    assert platform.called("GET", "logger", "/v1/logs/tail")[0] == {"service": "todo", "limit": 1000}
    for sequence in range(1, 6):
        written.append(a_record(f"number {sequence}"))
        frame = await connection.until("rows")
        assert (frame["sequence"], frame["items"][0]["message"]) == (sequence, f"number {sequence}")
        await connection.send({"op": "ack", "sequence": sequence})
    await connection.disconnect()


async def test_nonsense_from_the_browser_is_ignored(page: Client) -> None:
    connection = socket("/ws/logs/", page)
    await connection.connect()
    for message in ([1], {"op": "ack", "sequence": "x"}, {"op": "dance"}, {"op": "follow", "filter": 7}):
        await connection.send(message)
    assert (await connection.until("status"))["well"] is True
    await connection.disconnect()


async def test_a_socket_ends_with_its_session(page: Client, admin_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StaffConsumer, "session_seconds", 0.01)
    connection = socket("/ws/logs/", page)
    await connection.connect()
    await asyncio.to_thread(lambda: Session.objects.all().delete())
    assert await connection.close_code() == REFUSED
