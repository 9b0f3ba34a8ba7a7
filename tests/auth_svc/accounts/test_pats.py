"""Personal access tokens: made once, shown once, good for what they name, and ended."""

import threading
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils.dateparse import parse_datetime
from django.utils.timezone import now

from auth_svc.accounts.models import PersonalToken, Revocation, Session, User
from auth_svc.accounts.services import housekeeping, pats, users
from libs.identity import personal_tokens
from libs.identity.principal import Call, Caller, Principal
from libs.testing.client import CallingClient
from tests.auth_svc.conftest import PASSWORD

pytestmark = pytest.mark.django_db

PATS = "/v1/auth/pats"


def make(who, **body):
    """Ask for a token."""
    return who.client.post(PATS, json={"name": "backup", "scopes": ["tasks:read"], **body})


def made(who, **body):
    answer = make(who, **body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def bearer(who, pat):
    """A client that calls with a personal token, as the gateway lets it."""
    principal = Principal(who.id, "", frozenset(pat["scopes"]), pat["id"])
    return CallingClient(Call(Caller.of("gateway"), principal, "request-1", "/v1"))


@pytest.fixture
def bob(sign_up, sign_in):
    return sign_in(sign_up("bob@example.org"))


@pytest.fixture
def ask(api):
    """Ask as the gateway does."""
    return lambda token: api.as_service("gateway").get(f"/internal/v1/pats/{personal_tokens.digest(token)}")


@pytest.fixture
def told(api):
    """The tokens whose end gateways are told."""

    def run():
        answer = api.as_service("gateway").get("/internal/v1/revocations").json()
        return [item["token_id"] for item in answer["pats"]]

    return run


# -- making --------------------------------------------------------------------------------------------------------


def test_a_new_token_is_answered_once_and_where_it_is(ann):
    answer = make(ann, scopes=["tasks:write", "tasks:read", "tasks:read"])
    pat = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{PATS}/{pat['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert UUID(pat["id"]).version == 7
    assert personal_tokens.is_well_formed(pat.pop("token"))
    assert parse_datetime(pat["created_at"]) <= now()
    assert pat == {
        "id": pat["id"],
        "name": "backup",
        "scopes": ["tasks:read", "tasks:write"],
        "created_at": pat["created_at"],
        "expires_at": None,
        "last_used_at": None,
    }
    assert ann.client.get(f"{PATS}/{pat['id']}").json() == pat
    assert ann.client.get(PATS).json() == {"items": [pat], "next_cursor": None}


def test_the_token_itself_is_not_stored(ann):
    token = made(ann)["token"]
    stored = PersonalToken.objects.values().get()
    assert token not in str(stored)
    assert stored["digest"] == personal_tokens.digest(token)


def test_an_idempotency_key_is_not_heeded(ann):
    body = {"name": "backup", "scopes": ["tasks:read"]}
    answers = [ann.client.post(PATS, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert len({answer.json()["token"] for answer in answers}) == 2
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


def test_an_expiry_is_kept_as_the_instant_that_it_is(ann):
    assert made(ann, expires_at="2099-01-31T23:30:00-02:00")["expires_at"] == "2099-02-01T01:30:00Z"
    assert made(ann, expires_at=None)["expires_at"] is None


@pytest.mark.parametrize(
    ("expires_at", "code"),
    [
        ("2020-01-01T00:00:00Z", "not_in_future"),
        ("2099-01-01T00:00:00", "no_offset"),
        ("2099-01-01", "no_offset"),
        ("9999-12-31T23:59:59-12:00", "overflow"),
        ("tomorrow", "invalid"),
        (7, "invalid"),
    ],
)
def test_an_expiry_that_can_not_be_is_refused(ann, expires_at, code):
    answer = make(ann, expires_at=expires_at)
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/expires_at", code)]
    assert not PersonalToken.objects.exists()


@pytest.mark.parametrize(
    ("scopes", "pointer", "code"),
    [
        ([], "/scopes", "empty"),
        (["tasks:read", "admin"], "/scopes/1", "invalid_choice"),
        (["tasks:read", "tasks:write"], "/scopes/1", "scope_not_granted"),
    ],
)
def test_a_token_gets_known_scopes_that_its_maker_has(api, ann, scopes, pointer, code):
    client = api.as_user(ann.id, "account", "tasks:read", session_id=ann.grant["session_id"])
    answer = client.post(PATS, json={"name": "x", "scopes": scopes})
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(pointer, code)]


def test_the_number_of_tokens_of_a_user_is_limited(ann, bob, monkeypatch):
    monkeypatch.setattr(pats, "MAX_PER_USER", 2)
    first = made(ann)
    made(ann)
    answer = make(ann)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_pats")
    made(bob)
    ann.client.delete(f"{PATS}/{first['id']}")
    made(ann)


def test_tokens_that_have_expired_do_not_count(ann, monkeypatch):
    monkeypatch.setattr(pats, "MAX_PER_USER", 1)
    made(ann)
    PersonalToken.objects.update(expires_at=now())
    made(ann)


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_do_not_pass_the_limit(ann, at_once, monkeypatch):
    monkeypatch.setattr(pats, "MAX_PER_USER", 2)
    assert sorted(at_once(5, lambda _: make(ann).status_code)) == [201, 201, 409, 409, 409]


@pytest.mark.django_db(transaction=True)
def test_a_deleted_account_gets_no_token_from_a_request_on_its_way(ann, at_once, monkeypatch):
    """The request passes its checks, then the account's deletion commits, then the request goes on."""
    checked, deleted = threading.Event(), threading.Event()
    check = pats._check_scopes

    def check_and_wait(scopes, principal):
        check(scopes, principal)
        checked.set()
        assert deleted.wait(timeout=10)

    def delete():
        assert checked.wait(timeout=10)
        answer = ann.client.delete("/v1/users/me", json={"password": PASSWORD})
        deleted.set()
        return answer.status_code

    monkeypatch.setattr(pats, "_check_scopes", check_and_wait)
    actions = [delete, lambda: make(ann).status_code]
    assert at_once(2, lambda number: actions[number]()) == [202, 401]
    assert not PersonalToken.objects.exists()


# -- listing -------------------------------------------------------------------------------------------------------


def test_tokens_are_listed_in_pages_the_newest_first(ann, bob):
    made(bob)
    expected = [made(ann, name=str(number))["id"] for number in range(3)][::-1]
    first = ann.client.get(f"{PATS}?limit=2")
    rest = ann.client.get(f"{PATS}?limit=2&cursor={first.json()['next_cursor']}")
    assert [item["id"] for item in first.json()["items"] + rest.json()["items"]] == expected
    assert 'rel="next"' in first.headers["Link"]


def test_what_has_expired_is_not_shown_and_goes(ann):
    gone, kept = made(ann, expires_at="2099-01-01T00:00:00Z"), made(ann)
    PersonalToken.objects.filter(pk=gone["id"]).update(expires_at=now())
    assert [item["id"] for item in ann.client.get(PATS).json()["items"]] == [kept["id"]]
    assert ann.client.get(f"{PATS}/{gone['id']}").status_code == 404
    assert ann.client.delete(f"{PATS}/{gone['id']}").status_code == 404
    housekeeping.expired_purge()
    assert [str(pat.id) for pat in PersonalToken.objects.all()] == [kept["id"]]


# -- ending --------------------------------------------------------------------------------------------------------


def test_a_deleted_token_is_gone_and_gateways_are_told(ann, ask, told):
    pat, other = made(ann), made(ann)
    assert ann.client.delete(f"{PATS}/{pat['id']}").status_code == 204
    assert ask(pat["token"]).json()["code"] == "unknown_token"
    assert ask(other["token"]).status_code == 200
    assert told() == [pat["id"]]
    assert ann.client.delete(f"{PATS}/{pat['id']}").status_code == 404
    assert Revocation.objects.get().expires_at - now() > timedelta(seconds=600)


def test_others_can_neither_see_nor_delete_it(ann, bob, ask):
    pat = made(ann)
    for path in (f"{PATS}/{pat['id']}", f"{PATS}/{uuid4()}", f"{PATS}/x"):
        assert bob.client.get(path).status_code == bob.client.delete(path).status_code == 404
    assert ask(pat["token"]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_parallel_deletions_one_succeeds_and_gateways_are_told_once(ann, told, at_once):
    pat = made(ann)
    answers = at_once(4, lambda _: ann.client.delete(f"{PATS}/{pat['id']}").status_code)
    assert sorted(answers) == [204, 404, 404, 404]
    assert told() == [pat["id"]]


def test_a_deletion_that_fails_half_way_did_not_happen(ann, ask, told):
    pat = made(ann)

    def fail_on_delete(execute, sql, *args):
        if sql.startswith("DELETE"):
            raise OperationalError("the database went away")
        return execute(sql, *args)

    with connection.execute_wrapper(fail_on_delete), pytest.raises(OperationalError):
        pats.pat_end(user_id=ann.id, token_id=pat["id"], reason="deleted_by_user")
    assert ask(pat["token"]).status_code == 200
    assert told() == []


def test_whoever_holds_a_token_can_end_it(api, ann, ask, told):
    pat = made(ann)
    for _ in range(2):
        assert api.anonymous().post("/v1/auth/token/revoke", json={"token": pat["token"]}).status_code == 200
    assert ask(pat["token"]).status_code == 404
    assert told() == [pat["id"]]


def test_a_new_password_and_signing_out_do_not_end_it(ann, ask):
    pat = made(ann)
    ann.client.post("/v1/auth/password/change", json={"current_password": PASSWORD, "new_password": "another secret"})
    ann.client.post("/v1/auth/logout-all")
    assert ask(pat["token"]).status_code == 200


@pytest.mark.parametrize("erase", ["now", "later"])
def test_it_ends_with_the_account(ann, bob, ask, told, erase):
    kept, gone = made(bob), [made(ann), made(ann)]
    ann.client.delete("/v1/users/me", json={"password": PASSWORD, "erase": erase})
    assert [ask(pat["token"]).status_code for pat in (*gone, kept)] == [404, 404, 200]
    assert told() == [pat["id"] for pat in gone]


def test_one_that_was_made_while_an_account_waits_for_its_end_ends_with_it(ann, sign_in, ask, told):
    ann.client.delete("/v1/users/me", json={"password": PASSWORD})
    pat = made(sign_in(ann.user))
    User.objects.update(erase_at=now())
    assert users.users_erase_due() == 1
    assert ask(pat["token"]).status_code == 404
    assert told() == [pat["id"]]


# -- what it may do ------------------------------------------------------------------------------------------------


def test_with_the_scope_account_it_shows_and_changes_the_profile(ann):
    client = bearer(ann, made(ann, scopes=["account"]))
    assert client.get("/v1/users/me").json() == ann.user
    assert client.patch("/v1/users/me", json={"locale": "fr"}).json()["locale"] == "fr"


def test_without_the_scope_account_it_does_not_even_show_it(ann):
    answer = bearer(ann, made(ann)).get("/v1/users/me")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("scopes", [["account"], ["tasks:read"]])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", PATS, None),
        ("POST", PATS, {"name": "x", "scopes": ["account"]}),
        ("GET", f"{PATS}/{{own}}", None),
        ("DELETE", f"{PATS}/{{own}}", None),
        ("GET", "/v1/auth/sessions", None),
        ("DELETE", "/v1/auth/sessions/{session}", None),
        ("POST", "/v1/auth/logout", None),
        ("POST", "/v1/auth/logout-all", None),
        ("POST", "/v1/auth/password/change", {"current_password": PASSWORD, "new_password": "another secret"}),
        ("DELETE", "/v1/users/me", {"password": PASSWORD, "erase": "now"}),
        ("POST", "/v1/users/me/keep", None),
    ],
)
def test_credentials_and_the_account_are_for_who_has_signed_in(ann, method, path, body, scopes):
    pat = made(ann, scopes=scopes)
    password = User.objects.get().password
    path = path.format(own=pat["id"], session=ann.grant["session_id"])
    answer = bearer(ann, pat).request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "session_required")
    assert [(user.password, user.erase_at) for user in User.objects.all()] == [(password, None)]
    assert [session.ended_at for session in Session.objects.all()] == [None]
    assert PersonalToken.objects.count() == 1


def test_one_that_has_just_ended_shows_nothing_more(ann):
    pat, _ = made(ann, scopes=["account"]), made(ann)
    ann.client.delete(f"{PATS}/{pat['id']}")
    answer = bearer(ann, pat).get("/v1/users/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_a_caller_with_neither_session_nor_token_is_nobody(api, ann):
    principal = Principal(ann.id, "", frozenset({"account"}), "")
    client = CallingClient(Call(Caller.of("gateway"), principal, "request-1", "/v1"))
    assert client.get("/v1/users/me").status_code == 401


# -- what services are told ----------------------------------------------------------------------------------------


def test_a_gateway_learns_whose_it_is_and_what_it_may_do(ann, ask):
    pat = made(ann, scopes=["lists:read", "account"], expires_at="2099-01-01T00:00:00Z")
    answer = ask(pat["token"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "token_id": pat["id"],
        "user_id": ann.id,
        "scopes": ["account", "lists:read"],
        "expires_at": "2099-01-01T00:00:00Z",
    }


def test_of_what_does_not_hold_a_gateway_learns_nothing(ann, ask):
    expired = made(ann)["token"]
    PersonalToken.objects.update(expires_at=now())
    for token in (expired, personal_tokens.new_token(), ann.grant["refresh_token"], ""):
        answer = ask(token)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_token")


def test_a_service_is_told_what_a_token_is(api, ann):
    pat, endless = made(ann, expires_at="2099-01-01T00:00:00Z"), made(ann)

    def introspect(token):
        return api.as_service("todo").post("/v1/auth/token/introspect", json={"token": token}).json()

    assert introspect(pat["token"]) == {
        "active": True,
        "token_type": "Bearer",
        "sub": ann.id,
        "jti": pat["id"],
        "scope": "tasks:read",
        "iat": int(parse_datetime(pat["created_at"]).timestamp()),
        "exp": 4070908800,
    }
    assert "exp" not in introspect(endless["token"])
    ann.client.delete(f"{PATS}/{pat['id']}")
    assert introspect(pat["token"]) == {"active": False}


def test_a_use_is_noted_once_a_minute(ann, ask, django_assert_num_queries):
    token = made(ann)["token"]
    with django_assert_num_queries(2):
        ask(token)
    first = PersonalToken.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(1):
        ask(token)
    assert PersonalToken.objects.get().last_used_at == first
    PersonalToken.objects.update(last_used_at=now() - timedelta(seconds=61))
    ask(token)
    assert PersonalToken.objects.get().last_used_at > first
    shown = ann.client.get(PATS).json()["items"][0]["last_used_at"]
    assert parse_datetime(shown) >= first


@pytest.mark.django_db(transaction=True)
def test_uses_at_once_are_all_answered(ann, ask, at_once):
    token = made(ann)["token"]
    assert at_once(6, lambda _: ask(token).status_code) == [200] * 6
    assert PersonalToken.objects.get().last_used_at is not None


@pytest.mark.parametrize("of", [{}, {"session_id": uuid4(), "token_id": uuid4()}])
def test_a_revocation_is_of_a_session_or_of_a_token(of):
    with pytest.raises(IntegrityError):
        Revocation.objects.create(sequence=1, expires_at=now(), **of)
