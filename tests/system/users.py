"""Users of the API, as a REST client sees them."""

import secrets

import requests

from tests.system.stack import eventually


class Person:
    """Somebody with an address, a password and, after `sign_up`, an access token."""

    def __init__(self, gateway, name):
        self.gateway = gateway
        self.name = name
        self.email = f"{name.lower()}-{secrets.token_hex(6)}@example.org"
        self.password = secrets.token_urlsafe(12)
        self.session = requests.Session()

    def sign_up(self):
        self.register()
        self.log_in()
        return self

    def register(self):
        body = {"email": self.email, "password": self.password, "display_name": self.name}
        answer = self.request("POST", "/v1/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        self.user = answer.json()
        return answer

    def log_in(self):
        answer = self.request("POST", "/v1/auth/login", json={"email": self.email, "password": self.password})
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        self.session.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        return answer

    def request(self, method, path, **kwargs):
        return self.session.request(method, self.gateway + path, timeout=30, **kwargs)

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, path, json=None, **kwargs):
        return self.request("POST", path, json=json, **kwargs)

    def patch(self, path, json=None, **kwargs):
        return self.request("PATCH", path, json=json, **kwargs)

    def delete(self, path, **kwargs):
        return self.request("DELETE", path, **kwargs)

    def make_list(self, name="Groceries"):
        answer = self.post("/v1/lists", {"name": name})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def make_task(self, list_id, title="Milk", **fields):
        answer = self.post(f"/v1/lists/{list_id}/tasks", {"title": title, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def lists(self):
        return self.get("/v1/lists?limit=200").json()["items"]

    def inbox(self, within=20):
        """Wait for the list that TODO makes when it hears of the registration."""
        return eventually(lambda: [x for x in self.lists() if x["is_inbox"]], within=within, what="the Inbox")[0]
