"""One client of the gateway: it does this and that to a list of its own, and checks each answer against its ledger."""

import contextlib
import random
import threading
import time
import traceback
from dataclasses import dataclass

from tests.chaos.ledger import Ledger
from tests.chaos.wire import BrokenError, Connection, faults_of

#: What a client does, and how often.
MIX = {
    "read list": 14, "read task": 24, "create": 14, "create with key": 14, "change": 18, "complete": 4, "delete": 12,
}  # fmt: skip

#: A client deletes rather than creates from so many tasks on, for its list shall fit on a page.
MOST = 40
PAGE = 200

#: A lease of an Idempotency-Key whose holder died ends after 60 s; then its request must be answered (seconds).
KEY_WITHIN = 75.0

#: Out of so many, one goes another way: a stale If-Match, a task that is gone, an answered request once more.
ODD = 8

SETTLED_WITHIN = 120.0


@dataclass(frozen=True)
class Sample:
    """An answer, for the figures."""

    at: float
    operation: str
    status: int  # 0: there was none
    code: str
    seconds: float
    request_id: str


@dataclass(frozen=True)
class Fault:
    """Something that must not be."""

    at: float
    client: int
    what: str
    request_id: str


@dataclass
class Pending:
    """A creation with an Idempotency-Key that has no answer yet."""

    title: str
    key: str
    since: float
    due: float


class Client:
    """A signed-up person with one list. `run` goes on until `over`, then settles all doubts and looks at everything."""

    def __init__(self, number, person, rng):
        self.number = number
        self.person = person
        self.rng = rng
        self.list_id = person.make_list(f"List {number}")["id"]
        self.connection = Connection(person.gateway)
        self.ledger = Ledger(time.monotonic)
        self.pending = []
        self.samples = []
        self.faults = []
        self.request_ids = set()
        self.titles = 0
        self.request_id = ""
        self._renew()

    # -- its life ----------------------------------------------------------------------------------------------

    def run(self, over: threading.Event, settle: bool):
        """Do one thing after the other until `over`; `settle` all in the end."""
        try:
            while not over.is_set():
                self.step()
            if settle:
                self._settle()
        except Exception:  # noqa: BLE001  (told as a fault)
            self.fault(f"the client stopped: {traceback.format_exc()}")

    def close(self):
        self.connection.close()
        self.person.session.close()

    def step(self):
        """Do one thing. What gets no answer at all is a fault, and leaves what it was about in doubt."""
        if time.monotonic() > self.renew_at:
            self._renew()
        with contextlib.suppress(BrokenError):
            due = [each for each in self.pending if each.due <= time.monotonic()]
            if due:
                self.repeat(due[0])
            else:
                operation = self.rng.choices(list(MIX), MIX.values())[0]
                getattr(self, operation.replace(" ", "_"))()

    def _settle(self):
        """Wait until nothing is in doubt, then look at each task, and at the list's own counts."""
        give_up = time.monotonic() + SETTLED_WITHIN
        while self.pending or not self.ledger.is_certain:
            if time.monotonic() > give_up:
                self.fault(f"still in doubt: {self.pending} {self.ledger.born} {len(self.ledger.certain)}")
                return
            with contextlib.suppress(BrokenError):
                for each in [each for each in self.pending if each.due <= time.monotonic()]:
                    self.repeat(each)
                self.read_list()
            time.sleep(0.5)
        with contextlib.suppress(BrokenError):
            self.read_list()
            for task_id in self.ledger.certain:
                self.read_task(task_id)
            found = self.send("read counts", "GET", f"/v1/lists/{self.list_id}")
            if found.status != 200 or found.document["counts"] != self.ledger.counts:
                self.fault(f"the list counts {found.body!r}, wanted {self.ledger.counts}")

    def _renew(self):
        """Sign in anew in time: an access token lives for minutes."""
        self.person.log_in()
        self.headers = {"Authorization": self.person.session.headers["Authorization"]}
        self.renew_at = time.monotonic() + self.person.tokens["expires_in"] / 2

    # -- what it does ------------------------------------------------------------------------------------------

    def read_list(self):
        answer = self.send("read list", "GET", f"/v1/lists/{self.list_id}/tasks?limit={PAGE}")
        if self.expect(answer, 200):
            if answer.document["next_cursor"] is not None:
                self.fault("the list has a second page")
            self.judge(self.ledger.listed(answer.document["items"]))

    def read_task(self, task_id=None):
        """Read one in full, or ask whether it has changed; now and then one that is gone."""
        if task_id is None and self.ledger.gone and self.is_odd():
            task_id = self.rng.choice(sorted(self.ledger.gone))
            self.expect(self.send("read task", "GET", f"/v1/tasks/{task_id}"), 404, "not_found")
            return
        task_id = task_id or self.pick(self.ledger.tasks)
        if task_id is None:
            return
        etag, known = etag_of(self.ledger.tasks[task_id].document), self.ledger.tasks[task_id]
        conditional = {"If-None-Match": etag} if self.is_odd() else {}
        answer = self.send("read task", "GET", f"/v1/tasks/{task_id}", headers=conditional)
        if conditional and answer.status == 304:
            self.judge([] if answer.headers["ETag"] == etag else [f"304 with another ETag: {answer.headers['ETag']}"])
        elif answer.status == 404 and known.doubt:
            self.judge(self.ledger.missing(task_id))
        elif self.expect(answer, 200):
            self.judge(self.ledger.found(answer.document))
            self._check_etag(answer)
            if conditional and not known.doubt:
                self.fault("an unchanged task was sent in full")

    def create(self):
        if len(self.ledger.tasks) >= MOST:
            self.delete()
            return
        title = self.new_title()
        self.ledger.doubt_creation(title)  # until it is answered, should the connection break
        answer = self.send("create", "POST", self.tasks_path, {"title": title})
        if answer.did_nothing:
            del self.ledger.born[title]
            self.ledger.never.add(title)
        elif not answer.is_missing and self.expect(answer, 201):
            self._take_created(answer, title)

    def create_with_key(self):
        if len(self.ledger.tasks) + len(self.pending) >= MOST:
            self.delete()
            return
        now = time.monotonic()
        each = Pending(self.new_title(), f"{self.rng.getrandbits(64):x}", now, now)
        self.ledger.doubt_creation(each.title, for_ever=True)
        self.pending.append(each)
        self.repeat(each)

    def repeat(self, each):
        """Send a creation with its key until it is answered; after that perhaps once more, for the same answer."""
        is_first = each.since == each.due
        each.due = time.monotonic() + 1.0
        answer = self._send_keyed(each)
        if answer.status == 409 and answer.code == "idempotency_key_in_use":
            # One before it, which got no answer, may still hold the key.
            if is_first:
                self.fault("409 to the first request with an Idempotency-Key")
            if time.monotonic() - each.since > KEY_WITHIN:
                self.fault("its Idempotency-Key never came free")
            each.due = time.monotonic() + answer.retry_after
            return
        if answer.is_missing or not self.expect(answer, 201):
            return
        self.pending.remove(each)
        self._take_created(answer, each.title)
        if self.is_odd():
            again = self._send_keyed(each)
            if self.expect(again, 201) and (again.body, again.headers.get("Idempotency-Replayed")) != (
                answer.body,
                "true",
            ):
                self.fault(f"the same key was answered otherwise: {again.body!r}, before {answer.body!r}")

    def _send_keyed(self, each):
        return self.send(
            "create with key", "POST", self.tasks_path, {"title": each.title}, {"Idempotency-Key": each.key}
        )

    def change(self):
        task_id = self.pick(self.ledger.certain)
        if task_id is None:
            return
        before = self.ledger.tasks[task_id].document
        sets = {"title": self.new_title()}
        stale = self.is_odd() and before["version"] > 1
        etag = etag_of(before | {"version": before["version"] - 1} if stale else before)
        if stale:
            answer = self.send("change", "PATCH", f"/v1/tasks/{task_id}", sets, {"If-Match": etag})
            if self.expect(answer, 412, "precondition_failed"):
                self.judge(self.ledger.found(answer.document["current"]))
            return
        self.ledger.doubt(task_id, sets)
        answer = self.send("change", "PATCH", f"/v1/tasks/{task_id}", sets, {"If-Match": etag})
        if self._is_written(answer, task_id):
            self.judge(self.ledger.written(task_id, sets, answer.document))
            self._check_etag(answer)

    def complete(self):
        task_id = self.pick(self.ledger.certain)
        if task_id is None:
            return
        is_done = self.ledger.tasks[task_id].document["status"] == "done"
        sets = {"status": "done"}
        self.ledger.doubt(task_id, sets)
        answer = self.send("complete", "POST", f"/v1/tasks/{task_id}/complete", {})
        if self._is_written(answer, task_id):
            document = answer.document["task"]
            self.judge(self.ledger.found(document) if is_done else self.ledger.written(task_id, sets, document))

    def delete(self):
        task_id = self.pick(self.ledger.certain)
        if task_id is None:
            return
        self.ledger.doubt(task_id, None)
        answer = self.send("delete", "DELETE", f"/v1/tasks/{task_id}")
        if not answer.is_missing and self.expect(answer, 204):
            self.ledger.deleted(task_id)

    def _is_written(self, answer, task_id):
        """Tell whether a write was done; take the doubt away where it certainly was not."""
        if answer.did_nothing or not answer.is_missing:
            self.ledger.tasks[task_id].doubt = None
        return not answer.is_missing and self.expect(answer, 200)

    def _take_created(self, answer, title):
        document = answer.document
        if document["title"] != title or document["version"] != 1 or document["list_id"] != self.list_id:
            self.fault(f"another task was created: {document}, wanted {title}")
        if answer.headers.get("Location") != f"/v1/tasks/{document['id']}":
            self.fault(f"Location: {answer.headers.get('Location')}")
        self.judge(self.ledger.created(document))
        self._check_etag(answer)

    def _check_etag(self, answer):
        if answer.headers.get("ETag") != etag_of(answer.document):
            self.fault(f"ETag {answer.headers.get('ETag')} for version {answer.document.get('version')}")

    # -- how ---------------------------------------------------------------------------------------------------

    @property
    def tasks_path(self):
        return f"/v1/lists/{self.list_id}/tasks"

    def send(self, operation, method, path, body=None, headers=None):
        """Send, note, and check what holds for all answers; BrokenError where there is none."""
        began = time.monotonic()
        self.request_id = ""
        try:
            answer = self.connection.send(method, path, body, {**self.headers, **(headers or {})})
        except BrokenError as error:
            self.samples.append(Sample(began, operation, 0, "", time.monotonic() - began, ""))
            self.fault(f"{method} {path} has no answer: {error}")
            raise
        self.request_id = answer.request_id
        self.samples.append(Sample(began, operation, answer.status, answer.code, answer.seconds, answer.request_id))
        self.judge(f"{method} {path}: {fault}" for fault in faults_of(answer))
        if answer.request_id in self.request_ids:
            self.fault(f"{answer.request_id} was another request's")
        self.request_ids.add(answer.request_id)
        return answer

    def expect(self, answer, status, code=""):
        """Tell whether an answer is as wanted; one without which there is an answer is a fault."""
        if answer.is_missing:
            return False
        if (answer.status, answer.code) != (status, code):
            self.fault(f"{answer.status} {answer.body[:300]!r}, wanted {status} {code}")
            return False
        return True

    def judge(self, faults):
        for fault in faults:
            self.fault(fault)

    def fault(self, what):
        self.faults.append(Fault(time.monotonic(), self.number, what, self.request_id))

    def new_title(self):
        self.titles += 1
        return f"Task {self.number}.{self.titles}"

    def pick(self, ids):
        return self.rng.choice(list(ids)) if ids else None

    def is_odd(self):
        return self.rng.randrange(ODD) == 0


def etag_of(document):
    """The tag of a task for its owner."""
    return f'"v{document["version"]}-owner"'


def rng_of(seed, what):
    """A source of chance for one part of the run: the same for the same seed."""
    return random.Random(f"{seed} {what}")
