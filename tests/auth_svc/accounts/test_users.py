"""Accounts: registration, changes by their owner, and their end."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils.timezone import now

from auth_svc.accounts.models import RefreshToken, Session, User
from auth_svc.accounts.services import users
from tests.auth_svc.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def register(api, **body):
    return api.anonymous().post("/v1/auth/register", json={"email": "ann@example.org", "password": PASSWORD, **body})


def test_registration_answers_the_account_and_where_it_is(api):
    answer = register(api, display_name="Ann", timezone="Europe/Berlin", locale="de-AT")
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/v1/users/me"
    assert answer.headers["ETag"] == '"v1"'
    user = answer.json()
    assert UUID(user.pop("id")).version == 7
    assert user.pop("created_at") == user.pop("updated_at")
    assert user == {
        "version": 1,
        "email": "ann@example.org",
        "display_name": "Ann",
        "timezone": "Europe/Berlin",
        "locale": "de-AT",
        "erase_at": None,
    }


def test_what_is_left_out_has_a_sensible_default(api):
    user = register(api).json()
    assert (user["display_name"], user["timezone"], user["locale"]) == ("ann", "UTC", "en")


def test_the_password_is_never_stored_nor_shown(api):
    assert PASSWORD not in register(api).content.decode()
    assert PASSWORD not in User.objects.get().password


def test_registration_publishes_the_fact(api, published):
    user = register(api, display_name="Ann").json()
    (envelope,) = published.of("auth.user.registered")
    assert envelope.data == {
        "user_id": user["id"],
        "email": "ann@example.org",
        "display_name": "Ann",
        "changes": {},
    }
    assert (envelope.aggregate_id, envelope.sequence, envelope.actor_id) == (user["id"], 1, user["id"])


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@Example.ORG", " ann@example.org "])
def test_an_address_is_taken_whatever_its_case(api, published, email):
    register(api)
    answer = register(api, email=email)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert User.objects.count() == 1
    assert len(published.of("auth.user.registered")) == 1


def test_an_address_keeps_the_case_its_owner_wrote(api):
    assert register(api, email="Ann.Smith@example.org").json()["email"] == "Ann.Smith@example.org"


def test_a_client_may_not_choose_the_id(api):
    answer = register(api, id="019abcde-0000-7000-8000-000000000000")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/id"


def test_an_idempotency_key_makes_registration_repeatable(api):
    body = {"email": "ann@example.org", "password": PASSWORD}
    first = api.anonymous().post("/v1/auth/register", json=body, headers={"Idempotency-Key": "k1"})
    again = api.anonymous().post("/v1/auth/register", json=body, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"


def test_two_strangers_may_use_the_same_idempotency_key(api):
    for email in ("ann@example.org", "bob@example.org"):
        body = {"email": email, "password": PASSWORD}
        answer = api.anonymous().post("/v1/auth/register", json=body, headers={"Idempotency-Key": "1"})
        assert (answer.status_code, answer.json()["email"]) == (201, email)


@pytest.mark.django_db(transaction=True)
def test_of_parallel_registrations_of_one_address_exactly_one_succeeds(api, at_once):
    answers = at_once(6, lambda number: register(api, display_name=f"Ann {number}").status_code)
    assert sorted(answers) == [201, 409, 409, 409, 409, 409]
    assert User.objects.count() == 1


def test_me_shows_the_account_and_304_to_who_has_it(ann):
    answer = ann.client.get("/v1/users/me")
    assert (answer.status_code, answer.json()) == (200, ann.user)
    assert ann.client.get("/v1/users/me", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_change_touches_only_what_was_sent(ann, published):
    answer = ann.client.patch("/v1/users/me", json={"display_name": "Ann B."})
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"v2"'
    user = answer.json()
    assert user["updated_at"] > ann.user["updated_at"]
    changed = {name for name in user if user[name] != ann.user[name]}
    assert changed == {"display_name", "version", "updated_at"}
    (envelope,) = published.of("auth.user.updated")
    assert envelope.data["changes"] == {"display_name": {"from": "Ann", "to": "Ann B."}}
    assert envelope.sequence == 2


@pytest.mark.parametrize("patch", [{}, {"display_name": "Ann"}])
def test_a_change_of_nothing_changes_nothing(ann, published, patch):
    answer = ann.client.patch("/v1/users/me", json=patch)
    assert (answer.status_code, answer.json()) == (200, ann.user)
    assert not published.of("auth.user.updated")


def test_a_stale_if_match_is_refused_and_shows_the_account_as_it_is(ann):
    ann.client.patch("/v1/users/me", json={"locale": "fr"})
    answer = ann.client.patch("/v1/users/me", json={"locale": "de"}, headers={"If-Match": '"v1"'})
    assert answer.status_code == 412
    assert answer.json()["current"]["locale"] == "fr"
    assert User.objects.get().locale == "fr"


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"email": "eve@example.org"}, "/email"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"locale": "not a tag"}, "/locale"),
        ({"locale": None}, "/locale"),
        ({"display_name": ""}, "/display_name"),
        ({"display_name": "x" * 101}, "/display_name"),
        ({"display_name": "a\0b"}, "/display_name"),
        ({"display_name": ["Ann"]}, "/display_name"),
        ({"version": 7}, "/version"),
    ],
)
def test_a_wrong_change_names_the_field_and_changes_nothing(ann, patch, pointer):
    answer = ann.client.patch("/v1/users/me", json={"locale": "fr", **patch})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert ann.client.get("/v1/users/me").json() == ann.user


def test_deleting_needs_the_password(ann):
    answer = ann.client.delete("/v1/users/me", json={"password": "wrong horse battery"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/password")
    assert ann.client.get("/v1/users/me").status_code == 200


def test_deletion_waits_two_weeks_and_signs_out_at_once(ann, published, refresh):
    answer = ann.client.delete("/v1/users/me", json={"password": PASSWORD})
    assert answer.status_code == 202
    user = User.objects.get()
    assert user.erase_at is not None
    assert timedelta(days=13, hours=23) < user.erase_at - now() <= timedelta(days=14)
    assert ann.client.get("/v1/users/me").status_code == 401
    assert refresh(ann.grant["refresh_token"]).status_code == 401
    assert not published.of("auth.user.deleted")


def test_a_user_who_signs_in_while_it_waits_can_keep_the_account(ann, sign_in):
    planned = ann.client.delete("/v1/users/me", json={"password": PASSWORD, "erase": "later"}).json()["erase_at"]
    back = sign_in(ann.user)
    assert back.client.get("/v1/users/me").json()["erase_at"] == planned
    answer = back.client.post("/v1/users/me/keep")
    assert (answer.status_code, answer.json()["erase_at"]) == (200, None)
    assert users.users_erase_due() == 0


def test_keeping_what_nobody_deletes_changes_nothing(ann):
    answer = ann.client.post("/v1/users/me/keep")
    assert (answer.status_code, answer.json()) == (200, ann.user)


def test_asking_again_does_not_prolong_the_wait(ann, sign_in):
    first = ann.client.delete("/v1/users/me", json={"password": PASSWORD}).json()
    again = sign_in(ann.user).client.delete("/v1/users/me", json={"password": PASSWORD}).json()
    assert again == first


def test_erasing_now_leaves_nothing_and_publishes_the_fact(ann, published, api, refresh):
    answer = ann.client.delete("/v1/users/me", json={"password": PASSWORD, "erase": "now"})
    assert answer.status_code == 202
    assert answer.json()["erase_at"]
    assert not User.objects.exists()
    assert not Session.objects.exists()
    assert not RefreshToken.objects.exists()
    (envelope,) = published.of("auth.user.deleted")
    assert (envelope.data["user_id"], envelope.sequence) == (ann.id, 2)
    assert ann.client.get("/v1/users/me").status_code == 401
    assert refresh(ann.grant["refresh_token"]).json()["code"] == "invalid_token"
    assert register(api).status_code == 201


def test_erased_sessions_are_still_revoked_at_the_gateway(ann, api):
    ann.client.delete("/v1/users/me", json={"password": PASSWORD, "erase": "now"})
    answer = api.as_service("gateway").get("/internal/v1/revocations")
    assert answer.json()["sessions"] == [{"session_id": ann.grant["session_id"]}]


@pytest.mark.parametrize("erase", ["never", None, 1, ""])
def test_an_unknown_way_of_erasing_is_refused(ann, erase):
    answer = ann.client.delete("/v1/users/me", json={"password": PASSWORD, "erase": erase})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/erase")
    assert ann.client.get("/v1/users/me").json() == ann.user


def test_only_due_accounts_are_erased(sign_up, published):
    due, later = sign_up("due@example.org"), sign_up("later@example.org")
    User.objects.filter(pk=due["id"]).update(erase_at=now() - timedelta(seconds=1))
    User.objects.filter(pk=later["id"]).update(erase_at=now() + timedelta(seconds=60))
    assert users.users_erase_due() == 1
    assert [str(user.id) for user in User.objects.all()] == [later["id"]]
    assert [envelope.data["user_id"] for envelope in published.of("auth.user.deleted")] == [due["id"]]


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_erase_an_account_once(sign_up, published, at_once):
    sign_up()
    User.objects.update(erase_at=now())
    assert sum(at_once(2, lambda _: users.users_erase_due())) == 1
    assert len(published.of("auth.user.deleted")) == 1
