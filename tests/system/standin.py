"""A stand-in for an instance: a small server that registers itself at the Registry over HTTP, as any program can."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from uuid_utils.compat import uuid7

from tests.system.stack import eventually


class StandIn:
    """An instance of type `admin`, which no other service calls; its health is what `status` says."""

    def __init__(self, stack, name):
        self.stack = stack
        self.name = name
        self.incarnation = str(uuid7())
        self.status = 200
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.ask("DELETE", "")
        self.close()

    def close(self):
        """Stop to listen."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(self):
        standin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(standin.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                """Say nothing."""

        return Handler

    def ask(self, method, path, **body):
        """Ask the Registry about this instance, as Admin."""
        url = f"{self.stack.registry_url}/v1/services/admin/instances/{self.name}{path}"
        headers = {"Authorization": f"Bearer {self.stack.token()}"}
        return requests.request(method, url, json=body or None, headers=headers, timeout=5)

    def register(self, **changes):
        """Register and give the answer."""
        body = {
            "id": self.name,
            "incarnation": self.incarnation,
            "host": "127.0.0.1",
            "http_port": self.server.server_port,
            "health": {"kind": "http", "path": "/", "interval": 0.5, "timeout": 0.5},
            **changes,
        }
        url = f"{self.stack.registry_url}/v1/services/admin/instances"
        headers = {"Authorization": f"Bearer {self.stack.token()}"}
        return requests.post(url, json=body, headers=headers, timeout=5)

    def beat(self):
        """Renew the lease."""
        return self.ask("PUT", "/lease", incarnation=self.incarnation)

    def wait_for(self, state, *, within=10, beating=True):
        """Wait until the Registry shows `state`, and renew the lease meanwhile."""

        def look():
            if beating:
                assert self.beat().status_code == 200
            return self.ask("GET", "").json()["state"] == state

        eventually(look, within=within, every=0.1, what=f"{self.name} is {state}")
