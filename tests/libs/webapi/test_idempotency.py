import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from libs.webapi import idempotency
from libs.webapi.models import IdempotencyKey
from tests.libs.webapi.urls import effects

pytestmark = pytest.mark.django_db
KEY = {"Idempotency-Key": "k1"}


@pytest.fixture(autouse=True)
def no_effects():
    effects.clear()


@pytest.fixture
def user(api):
    return api.as_user("u1")


def test_a_replay_answers_the_same_and_has_no_second_effect(user):
    first = user.post("/things", json={"name": "a"}, headers=KEY)
    again = user.post("/things", json={"name": "a"}, headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
    assert again["Idempotency-Replayed"] == "true"
    assert effects == ["a"]


def test_another_body_with_the_same_key_is_refused(user):
    user.post("/things", json={"name": "a"}, headers=KEY)

    answer = user.post("/things", json={"name": "b"}, headers=KEY)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_another_user_has_keys_of_their_own(api, user):
    user.post("/things", json={"name": "a"}, headers=KEY)

    assert api.as_user("u2").post("/things", json={"name": "b"}, headers=KEY).status_code == 201


def test_a_refusal_is_replayed_and_a_failure_is_not(user):
    for _ in range(2):
        assert user.post("/things", json={"name": "taken"}, headers=KEY).json()["code"] == "taken"
    assert IdempotencyKey.objects.get().status == 409

    user.post("/things", json={"name": "boom"}, headers={"Idempotency-Key": "k2"})
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("name", ["busy", "ended"])
def test_a_refusal_that_another_try_may_overcome_is_not_kept(user, name):
    for _ in range(2):
        answer = user.post("/things", json={"name": name}, headers=KEY)
        assert (answer.json()["code"], answer.has_header("Idempotency-Replayed")) == (name, False)

    assert not IdempotencyKey.objects.exists()


def test_a_lapsed_lease_is_taken_over_and_a_live_one_is_a_conflict(user):
    user.post("/things", json={"name": "a"}, headers=KEY)
    row = IdempotencyKey.objects.get()
    row.status = None
    row.locked_until = timezone.now() + timedelta(seconds=30)
    row.save()

    busy = user.post("/things", json={"name": "a"}, headers=KEY)
    assert (busy.status_code, busy["Retry-After"]) == (409, "1")

    IdempotencyKey.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert user.post("/things", json={"name": "a"}, headers=KEY).status_code == 201
    assert effects == ["a", "a"]


def test_the_next_attempt_of_a_request_takes_the_lease_over_at_once(user):
    user.post("/things", json={"name": "a"}, headers=KEY)
    IdempotencyKey.objects.update(status=None, locked_until=timezone.now() + timedelta(seconds=30))
    effects.clear()
    again = replace(user, call=replace(user.call, attempt=1))

    for replayed in (False, True):
        answer = again.post("/things", json={"name": "a"}, headers=KEY)
        assert (answer.status_code, answer.has_header("Idempotency-Replayed")) == (201, replayed)
    assert effects == ["a"]


def test_expired_keys_are_forgotten(user, monkeypatch):
    user.post("/things", json={"name": "a"}, headers=KEY)
    IdempotencyKey.objects.update(expires_at=timezone.now())

    assert user.post("/things", json={"name": "b"}, headers=KEY).status_code == 201

    IdempotencyKey.objects.update(expires_at=timezone.now())
    monkeypatch.setattr(idempotency, "_purged_at", float("-inf"))
    user.post("/things", json={"name": "c"}, headers={"Idempotency-Key": "k3"})
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_wrong_length_is_a_400(user, key):
    assert user.post("/things", json={"name": "a"}, headers={"Idempotency-Key": key}).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_runs(user):
    barrier = threading.Barrier(8)

    def send(_):
        barrier.wait()
        try:
            return user.post("/things", json={"name": "a"}, headers=KEY).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))

    assert effects == ["a"]
    assert set(statuses) <= {201, 409}
