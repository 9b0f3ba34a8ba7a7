"""Bad input through the real gateway: always a problem document with a request id, never a 500."""

import json

import pytest

from tests.system.problems import assert_problem
from tests.system.sockets import raw_request
from tests.system.users import Person

UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
DEEP = b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

# method, path, body (bytes as they are, others as JSON), extra headers, status; {list} and {task} are real ones
TABLE = [
    ("malformed JSON", "POST", "/v1/lists", b'{"name": ', {}, 400),
    ("no JSON at all", "POST", "/v1/lists", b"name=Groceries", {}, 400),
    ("an empty body", "POST", "/v1/lists", b"", {}, 422),
    ("NaN", "POST", "/v1/lists", b'{"name": NaN}', {}, 400),
    ("a name twice", "POST", "/v1/lists", b'{"name": "a", "name": "b"}', {}, 400),
    ("bytes that are no UTF-8", "POST", "/v1/lists", b'{"name": "\xff\xfe"}', {}, 400),
    ("half of a surrogate pair", "POST", "/v1/lists", b'{"name": "\\ud800"}', {}, 422),
    ("a hundred thousand brackets", "POST", "/v1/lists", DEEP, {}, 400),
    ("a list for an object", "POST", "/v1/lists", ["Groceries"], {}, 422),
    ("null for an object", "POST", "/v1/lists", b"null", {}, 422),
    ("an unknown field", "POST", "/v1/lists", {"name": "a", "owner": "b"}, {}, 422),
    ("a read-only field", "PATCH", "/v1/lists/{list}", {"version": 9}, {}, 422),
    ("a number for a text", "POST", "/v1/lists", {"name": 7}, {}, 422),
    ("a null byte in a text", "POST", "/v1/lists", {"name": "a\0b"}, {}, 422),
    ("an empty name", "POST", "/v1/lists", {"name": ""}, {}, 422),
    ("a name that is too long", "POST", "/v1/lists", {"name": "a" * 201}, {}, 422),
    ("a name that is taken away", "PATCH", "/v1/lists/{list}", {"name": None}, {}, 422),
    ("an id that is none", "POST", "/v1/lists", {"name": "a", "id": "7"}, {}, 422),
    ("a priority out of range", "PATCH", "/v1/tasks/{task}", {"priority": 10**30}, {}, 422),
    ("a truth value for a number", "PATCH", "/v1/tasks/{task}", {"priority": True}, {}, 422),
    ("a day that does not exist", "PATCH", "/v1/tasks/{task}", {"due": {"date": "2031-02-30"}}, {}, 422),
    ("a time zone that does not exist", "PATCH", "/v1/tasks/{task}",
     {"due": {"local": "2031-02-01T09:00:00", "timezone": "Moon/Base"}}, {}, 422),
    ("a status that does not exist", "PATCH", "/v1/tasks/{task}", {"status": "later"}, {}, 422),
    ("a parent that does not exist", "PATCH", "/v1/tasks/{task}", {"parent_id": UNKNOWN_ID}, {}, 422),
    ("a role that does not exist", "POST", "/v1/lists/{list}/shares", {"email": "a@b.org", "role": "king"}, {}, 422),
    ("an address that is none", "POST", "/v1/lists/{list}/shares", {"email": "ada", "role": "viewer"}, {}, 422),
    ("a field of an action", "POST", "/v1/tasks/{task}/complete", {"now": True}, {}, 422),
    ("an unknown query parameter", "GET", "/v1/lists?color=red", None, {}, 400),
    ("an unknown sort", "GET", "/v1/tasks?sort=colour", None, {}, 400),
    ("a query parameter twice", "GET", "/v1/lists?limit=1&limit=2", None, {}, 400),
    ("a limit out of range", "GET", "/v1/lists?limit=201", None, {}, 400),
    ("a limit that is no number", "GET", "/v1/lists?limit=%F0%9F%98%80", None, {}, 400),
    ("a tampered cursor", "GET", "/v1/lists?cursor=abc", None, {}, 400),
    ("a null byte in a query", "GET", "/v1/tasks?q=%00", None, {}, 400),
    ("a null byte in a path", "GET", "/v1/lists/%00", None, {}, 400),
    ("an encoded slash", "GET", "/v1/lists/a%2Fb", None, {}, 400),
    ("a broken escape", "GET", "/v1/lists/%zz", None, {}, 400),
    ("a path that is no UTF-8", "GET", "/v1/lists/%ff", None, {}, 400),
    ("an id that is none, in a path", "GET", "/v1/lists/7", None, {}, 404),
    ("an unknown id", "GET", f"/v1/lists/{UNKNOWN_ID}", None, {}, 404),
    ("an unknown task", "PATCH", f"/v1/tasks/{UNKNOWN_ID}", {"title": "a"}, {}, 404),
    ("an unknown path below a route", "GET", "/v1/lists/{list}/nothing", None, {}, 404),
    ("an unknown path", "GET", "/v1/nothing", None, {}, 404),
    ("a trailing slash", "GET", "/v1/lists/", None, {}, 404),
    ("a wrong method", "PUT", "/v1/lists/{list}", {"name": "a"}, {}, 405),
    ("a method that HTTP does not know", "BREW", "/v1/lists", None, {}, 400),
    ("a method that nobody carries", "PROPFIND", "/v1/lists", None, {}, 405),
    ("TRACE", "TRACE", "/v1/lists", None, {}, 405),
    ("a stale If-Match", "PATCH", "/v1/lists/{list}", {"name": "b"}, {"If-Match": '"old"'}, 412),
    ("a body of more than a mebibyte", "POST", "/v1/lists", b'{"name": "' + b"a" * 2**20 + b'"}', {}, 413),
    ("another media type", "POST", "/v1/lists", b"<name/>", {"Content-Type": "application/xml"}, 415),
    ("a form", "POST", "/v1/lists", b"name=a", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("an encoding of the body", "POST", "/v1/lists", b"\x1f\x8b", {"Content-Encoding": "gzip"}, 400),
    ("an empty idempotency key", "POST", "/v1/lists", {"name": "a"}, {"Idempotency-Key": ""}, 400),
    ("an idempotency key that is too long", "POST", "/v1/lists", {"name": "a"}, {"Idempotency-Key": "k" * 256}, 400),
    ("headers of more than they may be", "GET", "/v1/lists", None, {"X-Long": "a" * 100_000}, 431),
    ("a host that is none", "GET", "/v1/lists", None, {"Host": "a b"}, 400),
    ("a token that is none", "GET", "/v1/lists", None, {"Authorization": "Bearer \xe9"}, 401),
    ("another scheme than Bearer", "GET", "/v1/lists", None, {"Authorization": "Basic YTpi"}, 401),
    ("an address that nobody has", "POST", "/v1/auth/register", {"email": "a", "password": "long enough 1"}, {}, 422),
    ("a password that is too short", "POST", "/v1/auth/register", {"email": "a@b.org", "password": "a"}, {}, 422),
    ("a null byte in a password", "POST", "/v1/auth/login", {"email": "a@b.org", "password": "a\0"}, {}, 422),
    ("a password that is no text", "POST", "/v1/auth/login", {"email": "a@b.org", "password": {"$ne": 1}}, {}, 422),
    ("a refresh token that is none", "POST", "/v1/auth/token/refresh", {"refresh_token": "a"}, {}, 401),
]  # fmt: skip


@pytest.fixture(scope="module")
def ada(stack):
    """Somebody with a list and a task."""
    ada = Person(stack.gateway_url, "Ada").sign_up()
    ada.list = ada.make_list()["id"]
    ada.task = ada.make_task(ada.list)["id"]
    return ada


def everything_of(person):
    """Give all that bad input must not change."""
    return person.lists(), person.get("/v1/tasks").json()["items"]


def send(person, method, path, body, headers):
    """Send a row of the table as `person`."""
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    kind = {} if content is None else {"Content-Type": "application/json"}
    token = {"Authorization": f"Bearer {person.tokens['access_token']}"}
    path = path.format(list=person.list, task=person.task)
    return raw_request(person.gateway, method, path, content, {**token, **kind, **headers})


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, *row in TABLE])
def test_bad_input_is_a_problem_and_changes_nothing(ada, row):
    *request, status = row
    ada.inbox()  # which is made when the event comes
    before = everything_of(ada)
    answer = send(ada, *request)
    problem = assert_problem(answer, status)
    assert answer.headers["X-Request-ID"] == problem["request_id"]
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    if status == 405:
        assert answer.headers["Allow"]
    if status == 422:
        assert problem["errors"]
    assert everything_of(ada) == before
