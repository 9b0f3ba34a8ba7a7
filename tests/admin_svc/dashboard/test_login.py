"""Signing in, and the brake on guessing."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from admin_svc.dashboard.models import LoginFailure

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"


def sign_in(client: Client, password: str, username: str = "ada"):
    return client.post(LOGIN, {"username": username, "password": password})


def test_staff_sign_in_and_land_on_the_overview(client: Client, admin_user: User) -> None:
    assert sign_in(client, "a long password").status_code == 302
    assert client.get("/", follow=True).request["PATH_INFO"] == "/admin/services/"


def test_pages_lead_strangers_to_the_sign_in(client: Client) -> None:
    for path in ("/admin/services/", "/admin/logs/", "/admin/events/", "/admin/timeline/", "/admin/logs/records/"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"].startswith(LOGIN)


def test_users_who_are_not_staff_can_not_sign_in(client: Client) -> None:
    User.objects.create_user("uma", password="a long password")
    assert sign_in(client, "a long password", "uma").status_code == 200


def test_after_five_failures_even_the_right_password_waits(client: Client, admin_user: User) -> None:
    for _ in range(5):
        assert sign_in(client, "a guess").status_code == 200
    answer = sign_in(client, "a long password")
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 300
    assert "Too many failed sign-ins" in answer.content.decode()


def test_somebody_else_on_the_same_address_may_sign_in(client: Client, admin_user: User, viewer: User) -> None:
    for _ in range(5):
        sign_in(client, "a guess")
    assert sign_in(client, "a long password", "vera").status_code == 302


def test_many_names_from_one_address_close_the_door(client: Client, admin_user: User) -> None:
    LoginFailure.objects.bulk_create(LoginFailure(username=f"u{n}", address="127.0.0.1") for n in range(30))
    assert sign_in(client, "a long password").status_code == 429


def test_the_door_opens_again_after_the_window(client: Client, admin_user: User) -> None:
    for _ in range(5):
        sign_in(client, "a guess")
    LoginFailure.objects.update(at=timezone.now() - timedelta(minutes=6))
    assert sign_in(client, "a long password").status_code == 302


def test_a_success_forgets_the_failures(client: Client, admin_user: User) -> None:
    for _ in range(4):
        sign_in(client, "a guess")
    sign_in(client, "a long password")
    assert not LoginFailure.objects.exists()


def test_a_sign_in_without_a_csrf_token_is_refused(admin_user: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict, "a long password").status_code == 403
