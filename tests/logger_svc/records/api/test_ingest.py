"""Taking batches: what is good is kept, what is bad is named, and nothing can blow up the process."""

import gzip
import json
from typing import Any

import pytest
from django.conf import settings

from libs.testing.client import BridgeTestClient, CallingClient
from logger_svc.records import services
from tests.logger_svc.posting import a_record, ndjson, post, post_bytes

pytestmark = pytest.mark.django_db(transaction=True)


def stored(admin: CallingClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = admin.get("/v1/logs?limit=200").json()["items"]
    return items


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _level in range(levels):
        value = {"a": value}
    return value


def test_a_good_batch_is_committed_when_it_is_answered(todo: CallingClient, admin: CallingClient) -> None:
    answer = post(todo, {"message": "one"}, {"message": "two"})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "refused": [], "duplicate": False})
    assert len(stored(admin)) == 2


def test_the_same_batch_again_is_stored_once(todo: CallingClient, api: BridgeTestClient, admin: CallingClient) -> None:
    first = post(todo, {}, batch="todo-1/boot/1")
    again = post(todo, {}, batch="todo-1/boot/1")
    assert [answer.json()["duplicate"] for answer in (first, again)] == [False, True]
    for other in ("todo-1/boot/2", "todo-1/other/1", "todo-2/boot/1"):
        assert not post(todo, {}, batch=other).json()["duplicate"]
    assert not post(api.as_service("auth"), {"service": "auth"}, batch="todo-1/boot/1").json()["duplicate"]
    assert len(stored(admin)) == 5


@pytest.mark.parametrize("batch", ["todo-1", "todo-1/boot", "todo-1/boot/x", "todo-1/boot/-1", "a/b/c/1", " /b/1"])
def test_a_batch_id_of_another_form_is_a_400(todo: CallingClient, batch: str) -> None:
    assert post(todo, {}, batch=batch).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"service": "auth"}, "foreign_service"),
        ({"service": None}, "missing_field"),
        ({"time": ""}, "missing_field"),
        ({"time": "2026-11-23"}, "invalid_field"),
        ({"time": "noon"}, "invalid_field"),
        ({"time": 5}, "invalid_field"),
        ({"time": "2999-01-01T00:00:00Z"}, "time_out_of_range"),
        ({"time": "1970-01-01T00:00:00Z"}, "time_out_of_range"),
        ({"level": "loud"}, "invalid_field"),
        ({"level": 7}, "invalid_field"),
        ({"message": 7}, "invalid_field"),
        ({"message": "x" * (64 * 1024 + 1)}, "too_long"),
        ({"instance": "x" * 256}, "too_long"),
        ({"attributes": []}, "invalid_field"),
        ({"attributes": {"a": "x" * (64 * 1024)}}, "too_long"),
        ({"attributes": nested(21)}, "too_deep"),
        ({"colour": "red"}, "unknown_field"),
    ],
)
def test_a_bad_record_is_named_and_the_others_are_kept(
    todo: CallingClient, admin: CallingClient, wrong: dict[str, Any], code: str
) -> None:
    answer = post(todo, {"message": "before"}, wrong, {"message": "after"})
    assert answer.status_code == 207
    (refused,) = answer.json()["refused"]
    assert (refused["index"], refused["code"]) == (1, code)
    assert refused["detail"]
    assert {item["message"] for item in stored(admin)} == {"before", "after"}


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"7", b"\xff\xfe", b'{"a": NaN}', b"[" * 5000, b'{"time": "' + b"9" * 5000 + b'"']
)
def test_a_line_that_is_no_record_is_refused(todo: CallingClient, admin: CallingClient, line: bytes) -> None:
    answer = post_bytes(todo, ndjson(a_record()) + b"\n" + line + b"\n\n")
    assert answer.status_code == 207
    assert [refused["index"] for refused in answer.json()["refused"]] == [1]
    assert len(stored(admin)) == 1


def test_what_no_database_takes_is_replaced(todo: CallingClient, admin: CallingClient) -> None:
    attributes = {"nul\x00": ["\x00", {"a\\u0000b": "c"}], "half": "\ud800"}
    assert post(todo, {"message": "a\x00b\udfff", "attributes": attributes}).status_code == 200
    (item,) = stored(admin)
    assert item["message"] == "a\ufffdb?"
    assert item["attributes"] == {"nul\ufffd": ["\ufffd", {"a\\u0000b": "c"}], "half": "?"}


def test_an_infinite_number_is_refused(todo: CallingClient) -> None:
    line = json.dumps(a_record(attributes={"n": 0})).encode().replace(b'"n": 0', b'"n": 1e999')
    assert post_bytes(todo, line).json()["refused"][0]["code"] == "invalid_field"


def test_deep_but_allowed_attributes_come_back(todo: CallingClient, admin: CallingClient) -> None:
    assert post(todo, {"attributes": nested(20)}).status_code == 200
    assert stored(admin)[0]["attributes"] == nested(20)


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(todo: CallingClient, admin: CallingClient) -> None:
    bomb = gzip.compress(b"\n" * (64 * 1024 * 1024))
    assert len(bomb) < 100 * 1024
    answer = post_bytes(todo, bomb, encoding="gzip")
    assert (answer.status_code, answer.json()["code"]) == (413, "batch_too_large")
    many = gzip.compress(b"\n" * (512 * 1024)) * 3
    assert post_bytes(todo, many, encoding="gzip").status_code == 413
    assert stored(admin) == []


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"", "", 400),
        (b"\n\n", "", 400),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"{}")[:-4], "gzip", 400),
        (b"{}", "br", 415),
        (b"{}\n" * 1001, "", 413),
        (b" " * (1024 * 1024 + 1), "", 413),
    ],
)
def test_an_unreadable_body_is_refused_as_a_whole(todo: CallingClient, body: bytes, encoding: str, status: int) -> None:
    answer = post_bytes(todo, body, encoding=encoding)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")


def test_another_media_type_is_a_415(todo: CallingClient) -> None:
    assert todo.post("/v1/logs", json=a_record()).status_code == 415


def test_gzip_of_several_members_is_one_batch(todo: CallingClient, admin: CallingClient) -> None:
    body = gzip.compress(ndjson(a_record()) + b"\n") + gzip.compress(ndjson(a_record()))
    assert post_bytes(todo, body, encoding="gzip").json()["accepted"] == 2


@pytest.fixture
def small_quota() -> Any:
    before, settings.LOG_QUOTA = settings.LOG_QUOTA, 500
    services.quota_reset()
    yield
    settings.LOG_QUOTA = before
    services.quota_reset()


def test_a_service_over_its_quota_waits_and_the_others_do_not(
    small_quota: None, api: BridgeTestClient, todo: CallingClient, admin: CallingClient
) -> None:
    assert post(todo, *[{}] * 999).status_code == 200
    answer = post(todo, *[{}] * 999)
    assert (answer.status_code, answer.json()["code"]) == (429, "log_quota_exceeded")
    assert int(answer["Retry-After"]) in (1, 2)
    assert post(api.as_service("auth"), {"service": "auth"}).status_code == 200
