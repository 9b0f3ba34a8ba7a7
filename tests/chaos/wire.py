"""A client's connection to the gateway, and what holds for every answer, whatever was asked."""

import contextlib
import http.client
import json
import time
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

#: How long a service may take, and what the gateway and this machine may add to it (seconds).
DEADLINE, GRACE = 15.0, 1.0

#: A connection that has rested for longer is not used again: the gateway may be about to close it (seconds).
REST = 2.0

PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id"}
UNAVAILABLE = {"service_unavailable", "overloaded", "circuit_open"}
NO_ANSWER = (502, 503, 504)


class BrokenError(Exception):
    """The connection ended, or stayed silent, before there was an answer."""


@dataclass(frozen=True)
class Answer:
    """What came back, and how long that took (seconds)."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float

    @cached_property
    def document(self):
        """The JSON body; an empty mapping where it is none."""
        with contextlib.suppress(ValueError):
            return json.loads(self.body)
        return {}

    @property
    def request_id(self):
        return self.headers.get("X-Request-ID", "")

    @property
    def code(self):
        """The problem's code; empty for a good answer."""
        return str(self.document.get("code", "?")) if self.status >= 400 else ""

    @property
    def is_missing(self):
        """Whether no instance has answered."""
        return self.status in NO_ANSWER

    @property
    def did_nothing(self):
        """Whether it says that a request which must not be repeated was not begun."""
        return self.is_missing and self.document.get("retryable") is True

    @property
    def retry_after(self):
        return int(self.headers.get("Retry-After", "1"))


class Connection:
    """One request at a time, on a connection that is kept alive."""

    def __init__(self, url):
        self._address = urlsplit(url)
        self._connection = None
        self._used = 0.0

    def send(self, method, path, body=None, headers=None):
        """Give the answer; BrokenError where there is none."""
        if self._connection is None or time.monotonic() - self._used > REST:
            self._open()
        content = None if body is None else json.dumps(body)
        headers = {**(headers or {}), **({"Content-Type": "application/json"} if content else {})}
        began = time.monotonic()
        try:
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            seconds = time.monotonic() - began
            self.close()
            raise BrokenError(f"{type(error).__name__} after {seconds:.2f} s: {error}") from error
        self._used = time.monotonic()
        if response.will_close:
            self.close()
        return Answer(response.status, response.headers, body, self._used - began)

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self):
        self.close()
        host, port = self._address.hostname, self._address.port
        self._connection = http.client.HTTPConnection(host, port, timeout=DEADLINE + 2 * GRACE)


def faults_of(answer):
    """Say what is wrong with an answer by itself."""
    if answer.seconds > DEADLINE + GRACE:
        yield f"it took {answer.seconds:.1f} s"
    if not answer.request_id:
        yield "it has no X-Request-ID"
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.status >= 400:
        yield from _faults_of_problem(answer, kind)
    elif answer.body and (kind != "application/json" or not answer.document):
        yield f"its body is no JSON: {kind} {answer.body[:80]!r}"


def _faults_of_problem(answer, kind):
    document = answer.document
    if kind != "application/problem+json" or not document.keys() >= PROBLEM:
        yield f"it is no problem document: {kind} {answer.body[:200]!r}"
        return
    if document["status"] != answer.status or document["request_id"] != answer.request_id:
        yield f"its problem document is another one's: {document}"
    if answer.status >= 500:
        yield from _faults_of_no_answer(answer)


def _faults_of_no_answer(answer):
    """Only the gateway may say that there is no answer, and only in these words."""
    document = answer.document
    codes = {503: UNAVAILABLE, 504: {"deadline_exceeded"}}.get(answer.status, set())
    if answer.code not in codes:
        yield f"{answer.status} {answer.code} is not among what may happen: {document}"
    if document.get("service") != "todo" or not isinstance(document.get("retryable"), bool):
        yield f"it does not say of which service, or whether to try again: {document}"
    if answer.status == 503 and not answer.headers.get("Retry-After", "").isdecimal():
        yield "it does not say when to try again"
    if answer.status == 504 and document.get("retryable"):
        yield "a request that may still be worked on is said to be repeatable"
