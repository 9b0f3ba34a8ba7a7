"""Whatever is sent, the answer is a problem of the contract and nothing changes."""

from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.todo_svc.conftest import Someone

pytestmark = pytest.mark.django_db

WRITES = [
    ("POST", "/v1/lists"),
    ("PATCH", "/v1/lists/{list}"),
    ("POST", "/v1/lists/{list}/archive"),
    ("POST", "/v1/lists/{list}/tasks"),
    ("PATCH", "/v1/tasks/{task}"),
    ("POST", "/v1/tasks/{task}/complete"),
    ("POST", "/v1/tasks/{task}/move"),
    ("POST", "/v1/tasks/{task}/comments"),
    ("POST", "/v1/lists/{list}/shares"),
    ("POST", "/v1/tasks/{task}/shares"),
    ("POST", "/v1/labels"),
]
BODIES: list[tuple[bytes, int]] = [
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b'{"a": NaN}', 400),
    (b'{"a": 1, "a": 1}', 400),
    (b'{"a": ' + b"9" * 5000 + b"}", 400),
    (b"[" * 2000 + b"]" * 2000, 400),
    (b"null", 422),
    (b"[]", 422),
    (b'"text"', 422),
    (b"7", 422),
    (b'{"unknown": 1}', 422),
    (b'{"\\u0000": 1}', 422),
    (b'{"\\ud800": 1}', 400),
    (b'{"name": "\\ud800", "title": "\\ud800", "body": "\\ud800", "role": "\\ud800", "email": "\\ud800"}', 422),
    (b'{"name": {}, "title": {}, "body": {}, "role": {}, "email": {}, "parent_id": {}}', 422),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize(("body", "status"), BODIES)
def test_a_bad_body_is_a_problem_and_changes_nothing(
    *, ann: Someone, groceries: Any, milk: Any, method: str, path: str, body: bytes, status: int, published: Any
) -> None:
    before = len(published)

    answer = ann.client.request(method, path.format(list=groceries["id"], task=milk["id"]), data=body)

    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status  # type: ignore[attr-defined]
    assert len(published) == before


def test_a_body_of_another_type_is_refused(ann: Someone) -> None:
    answer = ann.client.post("/v1/lists", data=b"name=x", headers={"Content-Type": "text/plain"})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/lists/7",
        "/v1/lists/%00",
        "/v1/lists/%ff",
        "/v1/tasks/00000000-0000-0000-0000-00000000000g",
        "/v1/tasks/" + "9" * 400,
        "/v1/lists/",
        "/v1/nothing",
        f"/v1/tasks/{uuid7()}",
        f"/v1/lists/{uuid7()}",
        f"/v1/labels/{uuid7()}",
    ],
)
def test_an_unknown_address_is_not_found(ann: Someone, path: str) -> None:
    problem = ann.get(path, 404)

    assert problem["code"] == "not_found"


def test_a_method_that_is_not_there_is_named(ann: Someone, milk: Any) -> None:
    answer = ann.client.put(f"/v1/tasks/{milk['id']}", json={})

    assert answer.status_code == 405
    assert "PATCH" in answer.headers["Allow"]


def test_query_parameters_are_refused_where_there_are_none(ann: Someone, milk: Any) -> None:
    assert ann.get(f"/v1/tasks/{milk['id']}?full=1", 400)["code"] == "unknown_parameter"


def test_a_token_that_names_no_uuid_is_refused(api: Any) -> None:
    assert api.as_user("somebody").get("/v1/lists").status_code == 401


def test_a_null_byte_in_text_is_refused(ann: Someone, groceries: Any) -> None:
    for field in ("title", "notes"):
        body = {"title": "x", field: "a\u0000b"}
        assert ann.post(f"/v1/lists/{groceries['id']}/tasks", body, 422)["errors"][0]["pointer"] == f"/{field}"
    ann.post(f"/v1/lists/{groceries['id']}/tasks", {"title": "x", "labels": ["a\u0000"]}, 422)
