"""The README's tour as a program: it plays against the running system with `requests` and prints what happens."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import requests

TIMEOUT = 10
#: How long events may take until their effect is asked for in vain (seconds).
PATIENCE = 10.0


class TourFailedError(Exception):
    """A step of the tour did not answer as it should."""


class Client:
    """A user of the API at one gateway."""

    def __init__(self, gateway: str, name: str) -> None:
        """Be `name`, with a fresh address and password."""
        self.gateway = gateway
        self.name = name
        self.email = f"{name.lower()}-{secrets.token_hex(4)}@example.org"
        self.password = secrets.token_urlsafe(12)
        self.session = requests.Session()

    def sign_up(self) -> None:
        """Register and log in."""
        account = {"email": self.email, "password": self.password, "display_name": self.name}
        self.call("POST", "/v1/auth/register", account)
        tokens = self.call("POST", "/v1/auth/login", {"email": self.email, "password": self.password})
        self.session.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        print(f"  {self.name} registered as {self.email} and logged in")

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and give the JSON of its answer; TourFailedError for a refusal."""
        answer = self.session.request(method, self.gateway + path, json=body, timeout=TIMEOUT)
        if not answer.ok:
            raise TourFailedError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None


def play(registry: str) -> int:
    """Play the tour through the Registry at `registry`; give the exit code."""
    try:
        _tour(registry)
    except (TourFailedError, requests.RequestException) as error:
        print(f"\nThe tour stopped: {error}\nDoes the system run? `make up` starts it.")
        return 1
    return 0


def _tour(registry: str) -> None:
    print("\n1. Ask the Registry for a gateway")
    answer = requests.get(f"{registry}/v1/services/gateway/resolve", timeout=TIMEOUT)
    answer.raise_for_status()
    gateway = answer.json()["address"]
    print(f"  GET {registry}/v1/services/gateway/resolve → {gateway}")

    print("\n2. Two people register and log in")
    ada, ben = Client(gateway, "Ada"), Client(gateway, "Ben")
    ada.sign_up()
    ben.sign_up()

    print("\n3. Ada makes a list with tasks")
    groceries = ada.call("POST", "/v1/lists", {"name": "Groceries"})
    tasks = [ada.call("POST", f"/v1/lists/{groceries['id']}/tasks", {"title": t}) for t in ("Milk", "Bread", "Apples")]
    print(f"  list {groceries['id']} with {', '.join(task['title'] for task in tasks)}")

    print("\n4. Ada shares the list with Ben")
    ada.call("POST", f"/v1/lists/{groceries['id']}/shares", {"email": ben.email, "role": "editor"})
    seen = _eventually(
        lambda: [item for item in ben.call("GET", "/v1/lists")["items"] if item["id"] == groceries["id"]]
    )
    print(f"  Ben sees {seen[0]['name']!r} as {seen[0]['my_role']}")

    print("\n5. Ben completes a task, and Ada sees who did it")
    ben.call("POST", f"/v1/tasks/{tasks[0]['id']}/complete")
    last = ada.call("GET", f"/v1/tasks/{tasks[0]['id']}/activity")["items"][0]
    print(f"  {tasks[0]['title']!r}: {last['action']} by {last['actor']['display_name'] or last['actor']['id']}")

    inbox = _eventually(lambda: [item for item in ada.call("GET", "/v1/lists")["items"] if item["is_inbox"]])
    print(f"\n6. Ada's {inbox[0]['name']!r} list was made by TODO when it heard of her registration")
    print("\nOpen the dashboard to see the services, the logs of these requests, and the events they caused.")


def _eventually(look: Callable[[], Any]) -> Any:
    give_up = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > give_up:
            raise TourFailedError("the event did not take effect in time")
        time.sleep(0.1)
    return found
