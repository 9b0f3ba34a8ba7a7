"""Long polls over real HTTP."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from libs.discovery.protos import registration_to_proto
from tests.registry_svc.parts import Clients, GrpcInstance, RunningRegistry, registration, wait_until

WATCH = "/v1/services/todo/watch"


def test_a_watch_without_index_answers_at_once(registry: RunningRegistry) -> None:
    answer = registry.get(WATCH, "gateway")
    assert answer.status_code == 200
    assert set(answer.json()) == {"type", "revision", "items", "degraded"}
    assert answer.headers["etag"].startswith('"')


def test_a_watch_with_a_known_index_waits_for_a_change(registry: RunningRegistry, grpc_instance: GrpcInstance) -> None:
    wait_until(lambda: not registry.node.catalog.degraded("todo"))
    index = _settled(registry)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(registry.get, f"{WATCH}?index={index}&wait=30", "gateway")
        mine = registration(grpc_port=grpc_instance.port)
        registry.call("Register", registration_to_proto(mine), "todo")
        answer = waiting.result(10).json()
    assert answer["revision"] > index
    assert [each["id"] for each in answer["items"]] == ["todo-1"]


def test_an_uneventful_wait_answers_the_same_revision(registry: RunningRegistry) -> None:
    index = _settled(registry)
    etag = registry.get(WATCH, "gateway").headers["etag"]
    began = time.monotonic()
    answer = registry.get(f"{WATCH}?index={index}&wait=1", "gateway")
    assert time.monotonic() - began >= 1.0
    assert (answer.status_code, answer.json()["revision"]) == (200, index)
    unchanged = registry.get(f"{WATCH}?index={index}&wait=0", "gateway", headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_a_wrong_index_or_wait_is_a_bad_request(registry: RunningRegistry) -> None:
    for query in ("index=x", "index=-1", "wait=301", "wait=1.5", "index=1&wait=", "colour=red"):
        answer = registry.get(f"{WATCH}?{query}", "gateway")
        assert answer.status_code == 400, query
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_index_from_the_future_answers_at_once(registry: RunningRegistry) -> None:
    answer = registry.get(f"{WATCH}?index=99999999999999&wait=30", "gateway")
    assert answer.json()["revision"] < 99999999999999


def test_a_caller_that_leaves_is_not_waited_for(registry: RunningRegistry, clients: Clients) -> None:
    index = _settled(registry)
    before = len(registry.node.changes._listeners)
    thread = threading.Thread(target=_give_up_soon, args=(f"{registry.url}/v1/services/registry/watch?index={index}",))
    index = registry.get("/v1/services/registry/watch").json()["revision"]
    thread.start()
    thread.join(5)
    wait_until(lambda: len(registry.node.changes._listeners) == before)


def _give_up_soon(url: str) -> None:
    try:
        requests.get(url, timeout=0.3)
    except requests.RequestException:
        return


def _settled(registry: RunningRegistry) -> int:
    """Give a revision after the warm-up, whose end is a change as well."""
    wait_until(lambda: not registry.get(WATCH, "gateway").json()["degraded"])
    return int(registry.get(WATCH, "gateway").json()["revision"])
