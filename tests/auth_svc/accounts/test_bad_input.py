"""Bad input is a problem that changes nothing, wherever it arrives."""

import pytest

from auth_svc.accounts.models import PersonalToken, Session, User
from tests.auth_svc.conftest import PASSWORD

pytestmark = pytest.mark.django_db

GOOD = {
    "/v1/auth/register": {"email": "eve@example.org", "password": PASSWORD},
    "/v1/auth/login": {"email": "ann@example.org", "password": PASSWORD},
    "/v1/auth/token/refresh": {"refresh_token": "x"},
    "/v1/auth/token/revoke": {"token": "x"},
    "/v1/auth/pats": {"name": "backup", "scopes": ["tasks:read"]},
    "/v1/auth/password/change": {"current_password": PASSWORD, "new_password": "another long secret"},
}
BAD_VALUES = [None, 7, True, ["x"], {"x": 1}, "", "a\0b", "\ud800", "x" * 100_000]


@pytest.fixture
def unchanged(ann):
    yield ann
    assert [(user.version, user.email) for user in User.objects.all()] == [(1, "ann@example.org")]
    assert [session.ended_at for session in Session.objects.all()] == [None]
    assert not PersonalToken.objects.exists()


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"a":1,"a":2}', b"NaN", b"[" * 9999])
def test_a_body_that_is_no_object_is_refused(unchanged, path, body):
    answer = unchanged.client.post(path, data=body)
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(answer.json())


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, body in GOOD.items() for field in body])
@pytest.mark.parametrize("value", BAD_VALUES, ids=lambda value: repr(value)[:12])
def test_a_value_of_the_wrong_kind_names_its_field(unchanged, path, field, value):
    answer = unchanged.client.post(path, json={**GOOD[path], field: value})
    assert answer.status_code == 422
    assert {error["pointer"].split("/")[1] for error in answer.json()["errors"]} == {field}


@pytest.mark.parametrize("path", GOOD)
def test_an_unknown_or_missing_field_is_refused(unchanged, path):
    assert unchanged.client.post(path, json={**GOOD[path], "admin": True}).status_code == 422
    assert unchanged.client.post(path, json={}).status_code == 422


@pytest.mark.parametrize("path", ["/v1/auth/logout", "/v1/auth/logout-all", "/v1/users/me/keep"])
@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 422), (b'{"all": true}', 422)])
def test_an_action_without_body_refuses_one(unchanged, path, body, status):
    assert unchanged.client.post(path, data=body).status_code == status


@pytest.mark.parametrize("path", [*GOOD, "/v1/users/me", "/.well-known/jwks.json", "/v1/auth/sessions"])
def test_an_unknown_query_parameter_is_refused(unchanged, path):
    method = "POST" if path in GOOD else "GET"
    body = GOOD.get(path)
    assert unchanged.client.request(method, f"{path}?debug=1", json=body).status_code == 400


@pytest.mark.parametrize("path", [*GOOD, "/v1/users/me", "/.well-known/jwks.json"])
def test_an_unknown_method_is_refused_with_those_allowed(unchanged, path):
    answer = unchanged.client.put(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "email",
    ["ann", "ann@", "@example.org", "ann@example", "a b@example.org", "ann@example.org\n.evil", "x" * 250 + "@a.io"],
)
def test_what_is_no_address_cannot_register(unchanged, email):
    answer = unchanged.client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/email"


def test_a_body_of_another_type_is_refused(unchanged):
    answer = unchanged.client.post("/v1/auth/login", data=b"a=b", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
