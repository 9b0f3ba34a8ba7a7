"""What only services may ask: introspection and revocations."""

import threading
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from auth_svc.accounts.models import Revocation
from auth_svc.accounts.services import keys, sessions

pytestmark = pytest.mark.django_db

DIGEST = "0" * 64


@pytest.fixture
def revocations(api):
    def run(after=None):
        query = "" if after is None else f"?after={after}"
        return api.as_service("gateway").get(f"/internal/v1/revocations{query}").json()

    return run


def ids(answer):
    return [item["session_id"] for item in answer["sessions"]]


def introspect(api, token):
    return api.as_service("todo").post("/v1/auth/token/introspect", json={"token": token}).json()


def test_an_access_token_is_described(api, ann):
    found = introspect(api, ann.grant["access_token"])
    assert found["active"] is True
    assert (found["sub"], found["sid"], found["token_type"]) == (ann.id, ann.grant["session_id"], "Bearer")
    assert {"iss", "aud", "exp", "iat", "jti", "scope", "client_id"} <= set(found)


def test_a_refresh_token_is_described(api, ann):
    found = introspect(api, ann.grant["refresh_token"])
    assert (found["active"], found["sub"], found["token_type"]) == (True, ann.id, "refresh_token")


def test_what_does_not_hold_is_only_said_to_be_inactive(api, ann, refresh):
    refresh(ann.grant["refresh_token"])
    ann.client.post("/v1/auth/logout")
    forged = ann.grant["access_token"][:-4] + "AAAA"
    for token in ("unknown", forged, ann.grant["refresh_token"], ann.grant["access_token"]):
        assert introspect(api, token) == {"active": False}


@pytest.mark.parametrize(
    "path", ["/v1/auth/token/introspect", "/internal/v1/revocations", f"/internal/v1/pats/{DIGEST}"]
)
def test_from_outside_these_paths_do_not_exist(api, ann, path):
    method = "POST" if "introspect" in path else "GET"
    assert ann.client.request(method, path, json={"token": "x"}).status_code == 404


@pytest.mark.parametrize(("service", "status"), [("gateway", 200), ("todo", 403), ("admin", 403)])
def test_only_gateways_hear_of_revocations(api, service, status):
    assert api.as_service(service).get("/internal/v1/revocations").status_code == status


@pytest.mark.parametrize(("service", "status"), [("gateway", 404), ("todo", 403), ("admin", 403)])
def test_only_gateways_may_ask_for_personal_tokens(api, service, status):
    assert api.as_service(service).get(f"/internal/v1/pats/{DIGEST}").status_code == status


def test_a_gateway_that_starts_hears_all_that_still_matter(ann, sign_in, revocations):
    assert ids(revocations()) == []
    phone = sign_in(ann.user)
    ann.client.post("/v1/auth/logout-all")
    assert sorted(ids(revocations())) == sorted([ann.grant["session_id"], phone.grant["session_id"]])
    Revocation.objects.update(expires_at=now())
    assert ids(revocations()) == []


def test_a_revocation_lives_as_long_as_any_access_token(ann):
    ann.client.post("/v1/auth/logout")
    assert Revocation.objects.get().expires_at - now() > timedelta(seconds=600)


def test_the_cursor_gives_each_revocation_once(ann, sign_in, revocations):
    start = revocations()["cursor"]
    ann.client.post("/v1/auth/logout")
    first = revocations(start)
    assert ids(first) == [ann.grant["session_id"]]
    assert ids(revocations(first["cursor"])) == []
    phone = sign_in(ann.user)
    phone.client.post("/v1/auth/logout")
    assert ids(revocations(first["cursor"])) == [phone.grant["session_id"]]
    assert len(ids(revocations(start))) == 2


@pytest.mark.django_db(transaction=True)
def test_no_revocation_is_missed_while_many_commit_at_once(ann, sign_in, revocations, at_once):
    """A reader that follows the cursor sees exactly what is stored, whatever the order of commits."""
    others = [sign_in(ann.user) for _ in range(6)]
    cursor = revocations()["cursor"]
    seen = []

    def one(number):
        if number:
            return others[number - 1].client.post("/v1/auth/logout").status_code
        nonlocal cursor
        while len(set(seen)) < len(others):
            found = revocations(cursor)
            cursor = found["cursor"]
            seen.extend(ids(found))
        return 204

    assert at_once(len(others) + 1, one) == [204] * (len(others) + 1)
    assert set(seen) == {other.grant["session_id"] for other in others}


def test_sessions_and_personal_tokens_share_the_cursor(ann, sign_in, revocations):
    pats = [ann.client.post("/v1/auth/pats", json={"name": "x", "scopes": ["account"]}).json()["id"] for _ in range(2)]
    ann.client.delete(f"/v1/auth/pats/{pats[0]}")
    first = revocations()
    assert (ids(first), first["pats"]) == ([], [{"token_id": pats[0]}])
    phone = sign_in(ann.user)
    phone.client.post("/v1/auth/logout")
    ann.client.delete(f"/v1/auth/pats/{pats[1]}")
    second = revocations(first["cursor"])
    assert (ids(second), second["pats"]) == ([phone.grant["session_id"]], [{"token_id": pats[1]}])
    assert second["cursor"] == "3"


def test_a_cursor_of_a_store_that_was_reset_starts_over(ann, revocations):
    ann.client.post("/v1/auth/logout")
    assert ids(revocations("999")) == [ann.grant["session_id"]]


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "%C2%B2", "9" * 19, "9" * 40, ""])
def test_a_made_up_cursor_is_a_bad_request(api, cursor):
    assert api.as_service("gateway").get(f"/internal/v1/revocations?after={cursor}").status_code == 400


def test_the_answer_tells_when_the_keys_change(revocations):
    keys.keys_ensure()
    before = revocations()["jwks_version"]
    assert revocations()["jwks_version"] == before
    keys.keys_rotate()
    assert revocations()["jwks_version"] != before


@pytest.mark.django_db(transaction=True)
def test_a_session_whose_end_commits_late_is_not_passed_by_the_cursor(ann, sign_in, revocations, at_once):
    late, early = ann, sign_in(ann.user)
    begun, looked = threading.Event(), threading.Event()
    cursors = []

    def end_late():
        with transaction.atomic():
            sessions.sessions_end(user_id=late.id, reason="logout", only=late.grant["session_id"])
            begun.set()
            assert looked.wait(timeout=10)

    def end_early():
        assert begun.wait(timeout=10)
        early.client.post("/v1/auth/logout")

    def look():
        assert begun.wait(timeout=10)
        cursors.append(revocations())
        looked.set()

    actions = [end_late, end_early, look]
    at_once(len(actions), lambda number: actions[number]())
    assert ids(cursors[0]) == []
    expected = {late.grant["session_id"], early.grant["session_id"]}
    assert set(ids(revocations(cursors[0]["cursor"]))) == expected
