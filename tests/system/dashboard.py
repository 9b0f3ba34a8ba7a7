"""The dashboard as a program sees it that has a cookie jar and a web socket."""

import json
import re

import requests

from tests.system.stack import eventually


class Dashboard:
    """A session on the dashboard at `url`."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()

    def get(self, path, **kwargs):
        return self.session.get(self.url + path, timeout=15, **kwargs)

    def log_in(self, username, password):
        """Fill in the form and give the answer."""
        form = self.get("/admin/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]
        data = {"username": username, "password": password, "csrfmiddlewaretoken": token, "next": "/admin/services/"}
        return self.session.post(f"{self.url}/admin/login/", data=data, headers={"Referer": self.url}, timeout=15)

    def sign_in(self, username, password):
        answer = self.log_in(username, password)
        assert answer.url.endswith("/admin/services/"), answer.url
        return self

    def socket_url(self, path):
        return self.url.replace("http://", "ws://") + path

    @property
    def cookie_header(self):
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)
        return {"Cookie": cookies, "Origin": self.url}

    @staticmethod
    def follow(socket, **filters):
        """Follow the logs on a socket as the page does; gives a function that waits for a record.

        The page's sockets show what comes from the moment that the tail says that it is well.
        """
        socket.send(json.dumps({"op": "follow", "filter": filters}))
        status = json.loads(socket.recv(timeout=10))
        assert status == {"type": "status", "well": True, "detail": ""}
        seen = []

        def look(wanted):
            message = json.loads(socket.recv(timeout=10))
            if message["type"] == "rows":
                seen.extend(message["items"])
                socket.send(json.dumps({"op": "ack", "sequence": message["sequence"]}))
            return next((record for record in seen if "gap" not in record and wanted(record)), None)

        return lambda wanted: eventually(lambda: look(wanted), within=15, what="the record on the page")
