import json

import pytest

from libs.service import asgi
from libs.service.health import Health


async def ask(app, path, method="GET", **headers):
    """Send a request to an ASGI application; give status, headers and body."""
    sent = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def send(message):
        sent.append(message)

    await app(scope, None, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize(("status", "code"), [("passing", 200), ("warning", 429), ("critical", 503)])
async def test_healthz_says_a_word_and_no_detail(monkeypatch, status, code):
    monkeypatch.setattr(asgi, "health", lambda: Health(status, "database: secret path"))

    answered, _, body = await ask(asgi.internal_application(), "/healthz")

    assert answered == code
    assert json.loads(body) == {"status": status}


async def test_metrics_need_the_token(settings):
    app = asgi.internal_application()

    assert (await ask(app, "/metrics"))[0] == 404
    assert (await ask(app, "/metrics", authorization="Bearer wrong"))[0] == 404
    status, _, body = await ask(app, "/metrics", authorization=f"Bearer {settings.METRICS_TOKEN}")
    assert status == 200
    assert b"# HELP" in body


async def test_without_a_configured_token_there_are_no_metrics(settings):
    settings.METRICS_TOKEN = ""

    assert (await ask(asgi.internal_application(), "/metrics", authorization="Bearer "))[0] == 404


async def test_an_internal_service_has_nothing_else_to_say():
    status, headers, body = await ask(asgi.internal_application(), "/v1/lists")

    assert status == 404
    assert headers[b"content-type"] == b"application/problem+json"
    assert json.loads(body)["code"] == "not_found"
    assert json.loads(body)["request_id"] == headers[b"x-request-id"].decode() != ""


async def test_the_platforms_paths_are_read_only_and_every_answer_has_a_request_id(monkeypatch):
    monkeypatch.setattr(asgi, "health", lambda: Health("passing"))
    app = asgi.internal_application()

    _, headers, _ = await ask(app, "/healthz")
    assert headers[b"x-request-id"]
    status, headers, body = await ask(app, "/healthz", "POST")
    assert (status, headers[b"allow"]) == (405, b"GET, HEAD")
    assert json.loads(body)["code"] == "method_not_allowed"
    assert json.loads(body)["request_id"] == headers[b"x-request-id"].decode()


async def test_lifespan_runs_start_and_stop_between_its_messages():
    told = []
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(incoming)

    async def send(message):
        told.append(message["type"])

    async def start():
        told.append("start")

    async def stop():
        told.append("stop")

    await asgi.lifespan(receive, send, start, stop)

    assert told == ["start", "lifespan.startup.complete", "stop", "lifespan.shutdown.complete"]
