"""The list of sessions, and the ways they end."""

from uuid import uuid4

import pytest

from auth_svc.accounts.models import Session
from tests.auth_svc.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def ids(answer):
    return [item["id"] for item in answer.json()["items"]]


def test_sessions_show_each_device_the_newest_first(api, ann):
    body = {"email": "ann@example.org", "password": PASSWORD}
    phone = api.anonymous(client_ip="10.9.9.9").post("/v1/auth/login", json=body, headers={"User-Agent": "Phone/1"})
    first, second = ann.client.get("/v1/auth/sessions").json()["items"]
    assert (first["id"], first["ip"], first["user_agent"]) == (phone.json()["session_id"], "10.9.9.9", "Phone/1")
    assert (first["current"], second["current"]) == (False, True)
    assert set(first) == {"id", "current", "ip", "user_agent", "created_at", "last_seen_at", "expires_at"}


def test_sessions_come_in_pages(ann, sign_in):
    expected = [*[sign_in(ann.user).grant["session_id"] for _ in range(2)][::-1], ann.grant["session_id"]]
    first = ann.client.get("/v1/auth/sessions?limit=2")
    rest = ann.client.get(f"/v1/auth/sessions?limit=2&cursor={first.json()['next_cursor']}")
    assert ids(first) + ids(rest) == expected


def test_a_refresh_shows_where_the_session_was_seen_last(api, ann):
    api.anonymous(client_ip="10.7.7.7").post(
        "/v1/auth/token/refresh", json={"refresh_token": ann.grant["refresh_token"]}, headers={"User-Agent": "x" * 999}
    )
    (session,) = ann.client.get("/v1/auth/sessions").json()["items"]
    assert (session["ip"], session["user_agent"]) == ("10.7.7.7", "x" * 255)
    assert session["last_seen_at"] > session["created_at"]


def test_logout_ends_this_session_only(ann, sign_in, published, refresh):
    phone = sign_in(ann.user)
    assert ann.client.post("/v1/auth/logout").status_code == 204
    assert ann.client.get("/v1/users/me").status_code == 401
    assert ids(phone.client.get("/v1/auth/sessions")) == [phone.grant["session_id"]]
    (envelope,) = published.of("auth.session.revoked")
    assert (envelope.data["reason"], envelope.aggregate_id) == ("logout", ann.grant["session_id"])


def test_logout_twice_is_one_logout(ann, published):
    assert [ann.client.post("/v1/auth/logout").status_code for _ in range(2)] == [204, 204]
    assert len(published.of("auth.session.revoked")) == 1


def test_logout_everywhere_ends_all_sessions_of_this_user(ann, sign_in, sign_up, published):
    phone, bob = sign_in(ann.user), sign_in(sign_up("bob@example.org"))
    assert ann.client.post("/v1/auth/logout-all").status_code == 204
    assert [who.client.get("/v1/users/me").status_code for who in (ann, phone, bob)] == [401, 401, 200]
    assert len(published.of("auth.session.revoked")) == 2


def test_a_session_can_be_ended_from_another(ann, sign_in, refresh):
    phone = sign_in(ann.user)
    assert ann.client.delete(f"/v1/auth/sessions/{phone.grant['session_id']}").status_code == 204
    assert phone.client.get("/v1/users/me").status_code == 401
    assert refresh(phone.grant["refresh_token"]).status_code == 401
    assert ann.client.get("/v1/users/me").status_code == 200


def test_sessions_of_others_do_not_exist(ann, sign_in, sign_up):
    bob = sign_in(sign_up("bob@example.org"))
    for session_id in (bob.grant["session_id"], uuid4(), "nonsense"):
        answer = ann.client.delete(f"/v1/auth/sessions/{session_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert bob.client.get("/v1/users/me").status_code == 200


def test_an_ended_session_cannot_end_again(ann, sign_in):
    phone = sign_in(ann.user)
    path = f"/v1/auth/sessions/{phone.grant['session_id']}"
    assert [ann.client.delete(path).status_code for _ in range(2)] == [204, 404]


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_revoking_a_token_ends_its_session(api, ann, kind):
    answer = api.anonymous().post("/v1/auth/token/revoke", json={"token": ann.grant[kind]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert ann.client.get("/v1/users/me").status_code == 401


def test_revoking_takes_a_form_as_the_rfc_says(api, ann):
    data = f"token={ann.grant['refresh_token']}&token_type_hint=refresh_token".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert api.anonymous().post("/v1/auth/token/revoke", data=data, headers=form).status_code == 200
    assert Session.objects.get().end_reason == "token_revoked"


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "ü", "x" * 4096])
def test_revoking_an_unknown_token_is_no_error(api, ann, token):
    assert api.anonymous().post("/v1/auth/token/revoke", json={"token": token}).status_code == 200
    assert ann.client.get("/v1/users/me").status_code == 200


@pytest.mark.parametrize("path", ["/v1/auth/logout", "/v1/auth/logout-all", "/v1/users/me/keep"])
def test_strangers_are_asked_for_a_token(api, path):
    answer = api.anonymous().post(path)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_without_the_scope_is_refused(api, ann):
    client = api.as_user(ann.id, "tasks:read", session_id=ann.grant["session_id"])
    answer = client.get("/v1/auth/sessions")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.django_db(transaction=True)
def test_whatever_happens_to_a_user_at_once_ends_well(ann, sign_in, refresh, at_once):
    """Changes that touch the same rows wait for each other in one order; none fails, none is half done."""
    others = [sign_in(ann.user) for _ in range(3)]
    change = {"current_password": PASSWORD, "new_password": "another long secret"}
    actions = [
        lambda: ann.client.post("/v1/auth/password/change", json=change),
        lambda: others[0].client.post("/v1/auth/logout-all"),
        lambda: refresh(others[1].grant["refresh_token"]),
        lambda: refresh(others[2].grant["refresh_token"]),
        lambda: others[1].client.post("/v1/auth/logout"),
        lambda: others[2].client.delete("/v1/users/me", json={"password": PASSWORD}),
    ]
    answers = at_once(len(actions), lambda number: actions[number]().status_code)
    assert set(answers) <= {200, 202, 204, 401, 422}
    assert Session.objects.filter(ended_at__isnull=False).count() >= 3
    for other in others:
        assert other.client.get("/v1/users/me").status_code == 401
