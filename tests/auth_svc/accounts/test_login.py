"""Signing in and refreshing."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, make_password
from django.db.models import F
from django.utils.timezone import now

from auth_svc.accounts import crypto
from auth_svc.accounts.models import LoginAttempts, RefreshToken, Session, User
from tests.auth_svc.accounts.counting import CountingHasher
from tests.auth_svc.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def login(api, password=PASSWORD, email="ann@example.org", ip="10.0.0.1", **headers):
    body = {"email": email, "password": password}
    return api.anonymous(client_ip=ip).post("/v1/auth/login", json=body, headers=headers)


def age(seconds):
    """Let refresh tokens that were used have been used so long ago."""
    RefreshToken.objects.filter(used_at__isnull=False).update(used_at=F("used_at") - timedelta(seconds=seconds))


def test_login_answers_both_tokens(api, sign_up):
    sign_up()
    answer = login(api)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    grant = answer.json()
    assert set(grant) == {"access_token", "token_type", "expires_in", "refresh_token", "session_id", "scope"}
    assert (grant["token_type"], grant["expires_in"]) == ("Bearer", 600)
    assert set(grant["scope"].split()) == {
        "tasks:read",
        "tasks:write",
        "lists:read",
        "lists:write",
        "shares:write",
        "account",
    }


def test_login_does_not_mind_the_case_of_the_address(api, sign_up):
    sign_up()
    assert login(api, email="ANN@example.org").status_code == 200


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann@example.org", "wrong horse battery"), ("eve@example.org", PASSWORD), ("not an address", PASSWORD)],
)
def test_a_refusal_does_not_tell_what_was_wrong(api, sign_up, email, password):
    sign_up()
    answer = login(api, password, email)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not Session.objects.exists()


def test_an_unknown_address_costs_a_hash_too(api, sign_up, settings):
    settings.PASSWORD_HASHERS = ["tests.auth_svc.accounts.counting.CountingHasher"]
    sign_up()
    CountingHasher.encoded = 0
    login(api, "wrong horse battery")
    known = CountingHasher.encoded
    login(api, email="eve@example.org")
    assert CountingHasher.encoded - known == known == 1


def test_spaces_around_a_password_belong_to_it(api, sign_up):
    sign_up(password=" spaces around it ")
    assert login(api, "spaces around it").status_code == 401
    assert login(api, " spaces around it ").status_code == 200


def test_a_password_changed_while_it_was_checked_leaves_no_session(api, sign_up, monkeypatch):
    sign_up()
    verify = MD5PasswordHasher.verify

    def verify_and_change(self, password, encoded):
        User.objects.update(password=make_password("changed meanwhile"))
        return verify(self, password, encoded)

    monkeypatch.setattr(MD5PasswordHasher, "verify", verify_and_change)
    assert login(api).status_code == 401
    assert not Session.objects.exists()


def test_wrong_passwords_are_limited_with_the_time_to_wait(api, sign_up, settings):
    settings.LOGIN_ATTEMPTS = 3
    sign_up()
    assert [login(api, "wrong horse battery").status_code for _ in range(4)] == [401, 401, 401, 429]
    refused = login(api)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert 290 <= int(refused.headers["Retry-After"]) <= 300


def test_the_limit_locks_out_nobody_else(api, sign_up, settings):
    settings.LOGIN_ATTEMPTS = 1
    sign_up()
    sign_up("bob@example.org")
    login(api, "wrong horse battery", ip="10.6.6.6")
    assert login(api, ip="10.6.6.6").status_code == 429
    assert login(api, ip="10.0.0.1").status_code == 200
    assert login(api, email="bob@example.org", ip="10.6.6.6").status_code == 200


def test_the_limit_ends_when_it_said(api, sign_up, settings):
    settings.LOGIN_ATTEMPTS = 1
    sign_up()
    login(api, "wrong horse battery")
    assert login(api).status_code == 429
    LoginAttempts.objects.update(window_ends_at=now())
    assert login(api).status_code == 200


def test_a_right_password_clears_the_count(api, sign_up, settings):
    settings.LOGIN_ATTEMPTS = 2
    sign_up()
    passwords = ["wrong horse battery", PASSWORD] * 3
    assert [login(api, password).status_code for password in passwords] == [401, 200] * 3


def test_unknown_addresses_are_limited_like_known_ones(api, settings):
    settings.LOGIN_ATTEMPTS = 1
    assert login(api).status_code == 401
    assert login(api, email="ANN@example.org").status_code == 429


@pytest.mark.django_db(transaction=True)
def test_parallel_guesses_do_not_slip_through_the_limit(api, sign_up, settings, at_once):
    settings.LOGIN_ATTEMPTS = 3
    sign_up()
    answers = at_once(8, lambda number: login(api, f"wrong horse {number}").status_code)
    assert sorted(answers) == [401] * 3 + [429] * 5


def test_refresh_rotates(ann, refresh):
    answer = refresh(ann.grant["refresh_token"])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    grant = answer.json()
    assert grant["refresh_token"] != ann.grant["refresh_token"]
    assert grant["access_token"] != ann.grant["access_token"]
    assert grant["session_id"] == ann.grant["session_id"]
    assert refresh(grant["refresh_token"]).status_code == 200


def test_only_digests_of_refresh_tokens_are_stored(ann):
    token = ann.grant["refresh_token"]
    assert len(token) >= 43
    assert [known.digest for known in RefreshToken.objects.all()] == [crypto.digest(token)]
    assert token not in str(list(RefreshToken.objects.values()))


def test_within_the_grace_the_same_successor_comes_again(ann, refresh):
    first = refresh(ann.grant["refresh_token"])
    age(seconds=14)
    again = refresh(ann.grant["refresh_token"])
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["refresh_token"] == again.json()["refresh_token"]
    assert RefreshToken.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_twelve_parallel_refreshes_get_the_same_successor(ann, refresh, at_once):
    answers = at_once(12, lambda _: refresh(ann.grant["refresh_token"]))
    assert [answer.status_code for answer in answers] == [200] * 12
    (successor,) = {answer.json()["refresh_token"] for answer in answers}
    assert refresh(successor).status_code == 200


def test_reuse_after_the_grace_ends_the_whole_family(ann, refresh, published):
    successor = refresh(ann.grant["refresh_token"]).json()["refresh_token"]
    age(seconds=16)
    answer = refresh(ann.grant["refresh_token"])
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_reused")
    assert refresh(successor).json()["code"] == "refresh_reused"
    assert ann.client.get("/v1/users/me").status_code == 401
    (envelope,) = published.of("auth.session.revoked")
    assert envelope.data == {
        "session_id": ann.grant["session_id"],
        "user_id": ann.id,
        "reason": "refresh_reused",
    }


def test_reuse_leaves_other_sessions_alone(ann, sign_in, refresh):
    phone = sign_in(ann.user)
    refresh(ann.grant["refresh_token"])
    age(seconds=16)
    refresh(ann.grant["refresh_token"])
    assert refresh(phone.grant["refresh_token"]).status_code == 200


def test_a_token_of_an_ended_session_is_reuse(ann, refresh):
    ann.client.post("/v1/auth/logout")
    assert refresh(ann.grant["refresh_token"]).json()["code"] == "refresh_reused"


@pytest.mark.parametrize("token", ["mtr_unknown", "x", "ü" * 100, "x" * 4096])
def test_an_unknown_token_is_invalid(api, refresh, token):
    answer = refresh(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


def test_an_expired_token_is_invalid_and_unharmed(ann, refresh):
    RefreshToken.objects.update(expires_at=now())
    assert refresh(ann.grant["refresh_token"]).json()["code"] == "invalid_token"
    assert RefreshToken.objects.get().used_at is None
    assert Session.objects.get().ended_at is None


def test_no_token_outlives_its_session(ann, refresh):
    soon = now() + timedelta(minutes=5)
    Session.objects.update(expires_at=soon)
    refresh(ann.grant["refresh_token"])
    assert RefreshToken.objects.get(used_at=None).expires_at == soon


def test_an_idempotency_key_does_not_store_credentials(api, sign_up):
    sign_up()
    first, second = (login(api, **{"Idempotency-Key": "k1"}).json() for _ in range(2))
    assert first["session_id"] != second["session_id"]
