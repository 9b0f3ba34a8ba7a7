"""Answers and the errors they describe."""

import json
from typing import Any

import pytest

from libs.contracts.errors import (
    BadGateway,
    BadRequest,
    Conflict,
    FieldError,
    ServiceError,
    TooManyRequests,
    Unavailable,
    ValidationFailed,
)
from libs.discovery import Answer


def problem(status: int, headers: dict[str, str] | None = None, **members: Any) -> Answer:
    body = json.dumps({"type": "about:blank", "status": status, "request_id": "r", **members}).encode()
    return Answer(status, {"content-type": "application/problem+json", **(headers or {})}, body)


@pytest.mark.parametrize("status", [200, 201, 204, 304])
def test_a_good_answer_raises_nothing(status: int) -> None:
    answer = Answer(status)
    assert answer.raise_for_status() is answer


@pytest.mark.parametrize(
    ("status", "expected"),
    [(409, Conflict), (422, ValidationFailed), (429, TooManyRequests), (503, Unavailable), (418, BadRequest)],
)
def test_the_status_decides_the_kind(status: int, expected: type[ServiceError]) -> None:
    with pytest.raises(expected) as raised:
        problem(status, code="some_code", detail="Why.").raise_for_status()
    assert (raised.value.code, raised.value.detail) == ("some_code", "Why.")


def test_fields_times_and_extra_members_are_kept() -> None:
    field = {"pointer": "/name", "code": "required", "detail": "missing"}
    error = problem(422, {"retry-after": "7"}, errors=[field], current={"id": 1}).error()
    assert error.errors == (FieldError("/name", "required", "missing"),)
    assert (error.retry_after, error.extra) == (7, {"current": {"id": 1}})


def test_what_is_no_problem_document_is_an_error_all_the_same() -> None:
    assert isinstance(Answer(500, {"content-type": "text/html"}, b"<h1>").error(), BadGateway)
    assert Answer(404).error().code == "not_found"
