"""What a good password is, and changing it."""

import pytest

from auth_svc.accounts.models import User
from tests.auth_svc.conftest import PASSWORD

pytestmark = pytest.mark.django_db

NEW = "another long secret"


def change(who, current=PASSWORD, new=NEW):
    body = {"current_password": current, "new_password": new}
    return who.client.post("/v1/auth/password/change", json=body)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_too_short"),
        ("password123", "password_too_common"),
        ("ann@example.org", "password_too_similar"),
        ("ü" * 600, "password_too_long"),
    ],
)
def test_a_weak_password_is_refused_with_the_broken_rule(api, password, code):
    answer = api.anonymous().post("/v1/auth/register", json={"email": "ann@example.org", "password": password})
    assert answer.status_code == 422
    assert ("/password", code) in [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["8 chars!", "x y " * 16, "паролик на удивление", "z!" * 512])
def test_long_and_unusual_passwords_are_welcome(api, sign_up, sign_in, password):
    sign_in(sign_up(password=password), password)


def test_a_changed_password_is_the_one_that_counts(ann, sign_in, api):
    assert change(ann).status_code == 204
    sign_in(ann.user, NEW)
    body = {"email": "ann@example.org", "password": PASSWORD}
    assert api.anonymous().post("/v1/auth/login", json=body).status_code == 401


def test_a_change_ends_all_other_sessions(ann, sign_in, refresh, published):
    phone = sign_in(ann.user)
    change(ann)
    assert ann.client.get("/v1/users/me").status_code == 200
    assert phone.client.get("/v1/users/me").status_code == 401
    assert refresh(phone.grant["refresh_token"]).status_code == 401
    assert [e.data["session_id"] for e in published.of("auth.session.revoked")] == [phone.grant["session_id"]]


def test_a_change_needs_the_present_password(ann):
    before = User.objects.get().password
    answer = change(ann, current="wrong horse battery")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/current_password")
    assert User.objects.get().password == before


def test_guessing_the_present_password_is_limited(ann, settings):
    settings.LOGIN_ATTEMPTS = 2
    answers = [change(ann, current="wrong horse battery") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_the_new_password_must_be_good_too(ann):
    answer = change(ann, new="short")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/new_password")
    assert change(ann, new=NEW).status_code == 204
