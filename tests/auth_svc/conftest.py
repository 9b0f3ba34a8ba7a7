"""People who have an account, or are signed in."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from libs.testing.client import BridgeTestClient, CallingClient

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class SignedIn:
    """A user on one device: what login answered, and a client that calls as this session."""

    user: dict[str, Any]
    grant: dict[str, Any]
    client: CallingClient

    @property
    def id(self) -> str:
        return str(self.user["id"])


@pytest.fixture
def sign_up(api: BridgeTestClient) -> Callable[..., dict[str, Any]]:
    def run(email: str = "ann@example.org", **more: Any) -> dict[str, Any]:
        answer = api.anonymous().post("/v1/auth/register", json={"email": email, "password": PASSWORD, **more})
        assert answer.status_code == 201, answer.content
        return answer.json()

    return run


@pytest.fixture
def sign_in(api: BridgeTestClient) -> Callable[..., SignedIn]:
    def run(user: dict[str, Any], password: str = PASSWORD) -> SignedIn:
        answer = api.anonymous().post("/v1/auth/login", json={"email": user["email"], "password": password})
        assert answer.status_code == 200, answer.content
        grant = answer.json()
        return SignedIn(user, grant, api.as_user(user["id"], session_id=grant["session_id"]))

    return run


@pytest.fixture
def ann(sign_up: Callable[..., dict[str, Any]], sign_in: Callable[..., SignedIn]) -> SignedIn:
    """Ann, signed in on her laptop."""
    return sign_in(sign_up("ann@example.org", display_name="Ann"))


@pytest.fixture
def refresh(api: BridgeTestClient) -> Callable[[str], Any]:
    def run(token: str) -> Any:
        return api.anonymous().post("/v1/auth/token/refresh", json={"refresh_token": token})

    return run


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Run a function in so many threads at the same moment, and give what each returned."""

    def run(count: int, function: Callable[[int], Any]) -> list[Any]:
        barrier = Barrier(count)

        def one(number: int) -> Any:
            barrier.wait(timeout=20)
            try:
                return function(number)
            finally:
                connection.close()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    return run
