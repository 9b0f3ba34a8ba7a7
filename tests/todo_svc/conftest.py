"""People who use TODO, and what they make."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from libs.contracts.auth import UserRegistered
from libs.testing.client import BridgeTestClient, CallingClient


@dataclass(frozen=True)
class Someone:
    """A user with a client of their own."""

    client: CallingClient
    id: str = field(default_factory=lambda: str(uuid7()))
    email: str = ""

    def get(self, path: str, status: int = 200, **kwargs: Any) -> Any:
        return self._ask("GET", path, status, **kwargs)

    def post(self, path: str, json: Any = None, status: int = 201, **kwargs: Any) -> Any:
        return self._ask("POST", path, status, json=json or {}, **kwargs)

    def patch(self, path: str, json: Any, status: int = 200, **kwargs: Any) -> Any:
        return self._ask("PATCH", path, status, json=json, **kwargs)

    def delete(self, path: str, status: int = 204, **kwargs: Any) -> Any:
        return self._ask("DELETE", path, status, **kwargs)

    def etag(self, path: str) -> str:
        return str(self.client.get(path).headers["ETag"])

    def new_list(self, name: str = "Groceries", **more: Any) -> Any:
        return self.post("/v1/lists", {"name": name, **more})

    def new_task(self, list_id: str, title: str = "Milk", **more: Any) -> Any:
        return self.post(f"/v1/lists/{list_id}/tasks", {"title": title, **more})

    def titles(self, path: str) -> list[str]:
        return [item["title"] for item in self.get(path)["items"]]

    def share(self, path: str, member: "Someone", role: str) -> Any:
        return self.post(f"{path}/shares", {"user_id": member.id, "role": role})

    def _ask(self, method: str, path: str, status: int, **kwargs: Any) -> Any:
        answer = self.client.request(method, path, **kwargs)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.content!r}"
        return answer.json() if answer.content else None  # type: ignore[attr-defined]


@pytest.fixture
def someone(api: BridgeTestClient) -> Callable[..., Someone]:
    """Make a user of whom Auth has not told yet."""

    def make(*scopes: str, user_id: str = "", email: str = "") -> Someone:
        user_id = user_id or str(uuid7())
        return Someone(api.as_user(user_id, *scopes), user_id, email)

    return make


@pytest.fixture
def sign_up(someone: Callable[..., Someone], deliver: Callable[..., Any]) -> Callable[[str], Someone]:
    """Make a user as Auth's event does."""

    def make(name: str) -> Someone:
        user = someone(email=f"{name.lower()}@example.org")
        deliver(UserRegistered(user_id=user.id, email=user.email, display_name=name))
        return user

    return make


@pytest.fixture
def ann(sign_up: Callable[[str], Someone]) -> Someone:
    return sign_up("Ann")


@pytest.fixture
def bob(sign_up: Callable[[str], Someone]) -> Someone:
    return sign_up("Bob")


@pytest.fixture
def eve(sign_up: Callable[[str], Someone]) -> Someone:
    """Somebody with whom nothing is shared."""
    return sign_up("Eve")


@pytest.fixture
def groceries(ann: Someone) -> Any:
    """A list of Ann's."""
    return ann.new_list()


@pytest.fixture
def milk(ann: Someone, groceries: Any) -> Any:
    """A task on Ann's list."""
    return ann.new_task(groceries["id"])


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Run all at the same moment, each in a thread and on a connection of its own; give the results in order."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=10)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, work) for work in works]]
