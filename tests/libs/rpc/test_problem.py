import json

from libs.contracts.errors import NotFound, Unauthenticated, Unavailable, ValidationFailed
from libs.rpc.messages import from_headers
from libs.rpc.problem import problem_bytes, problem_response


def test_has_all_members_of_the_contract() -> None:
    assert json.loads(problem_bytes(NotFound("no list"), request_id="r", instance="/v1/lists/7")) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no list",
        "instance": "/v1/lists/7",
        "code": "not_found",
        "request_id": "r",
    }


def test_names_wrong_fields_the_service_and_whether_to_retry() -> None:
    error = ValidationFailed.of("/title", "required", "is missing")

    problem = json.loads(problem_bytes(error, request_id="r", instance="/", service="todo", retryable=False))

    assert problem["errors"] == [{"pointer": "/title", "code": "required", "detail": "is missing"}]
    assert (problem["service"], problem["retryable"]) == ("todo", False)


def test_extra_members_of_the_error_are_kept() -> None:
    assert (
        json.loads(problem_bytes(NotFound(extra={"service": "todo"}), request_id="", instance=""))["service"] == "todo"
    )


def test_the_whole_answer_has_the_headers_of_its_status() -> None:
    refused = problem_response(Unauthenticated(), request_id="r", instance="/")
    away = problem_response(Unavailable(retry_after=3), request_id="r", instance="/")

    assert (b"www-authenticate", b"Bearer") in from_headers(refused.headers)
    assert (b"content-type", b"application/problem+json") in from_headers(refused.headers)
    assert (b"retry-after", b"3") in from_headers(away.headers)
    assert away.status == 503
