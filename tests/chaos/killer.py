"""Who ends instances of TODO, one way or another, as if by chance. The supervisor starts them again."""

import contextlib
import os
import re
import signal
import sqlite3
import threading
import time
import traceback
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import requests

from libs.devstack.control import Control
from libs.devstack.supervision import control_socket
from tests.chaos.client import Fault
from tests.system.stack import eventually

#: The pause between two deeds (seconds, from and to).
PAUSE = (1.0, 4.0)

#: How long an instance stands still, or is drained (seconds, from and to).
STILL = (1.0, 2.0)

#: What is done, and how often; the first is always a kill.
DEEDS = {"kill": 16, "kill at a commit": 46, "kill two": 8, "freeze": 12, "drain": 10, "end": 8}

BACK_WITHIN = 60.0

#: How long to wait for a commit, and how often to look (seconds).
COMMIT_WITHIN, LOOK_EVERY = 1.0, 0.0001


@dataclass(frozen=True)
class Deed:
    """What was done to whom, and when."""

    at: float
    what: str
    name: str


class Killer:
    """Works in a thread during the block, and leaves at least one instance alone at any time; then all come back."""

    def __init__(self, stack, names, rng):
        self._stack = stack
        self._names = names
        self._rng = rng
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer")
        self._control = Control(control_socket(stack.plan))
        self.deeds = []
        self.faults = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._over.set()
        self._thread.join()
        self._control.close()
        self._stack.wait_up(*self._names, within=BACK_WITHIN)

    def _run(self):
        what = "kill"
        try:
            while not self._over.wait(self._rng.uniform(*PAUSE)):
                self._act(what)
                what = self._rng.choices(list(DEEDS), DEEDS.values())[0]
        except Exception:  # noqa: BLE001  (told as a fault)
            self.faults.append(Fault(time.monotonic(), -1, f"the killer stopped: {traceback.format_exc()}", ""))

    def _act(self, what):
        """Do one thing, as soon as one instance more than it takes is up."""
        count = 2 if what == "kill two" else 1
        up = eventually(lambda: self._enough(count + 1), within=BACK_WITHIN, every=0.2, what="enough are up")
        chosen = self._rng.sample(up, count) if not self._over.is_set() else []
        for name in chosen:
            getattr(self, f"_{what.replace(' ', '_')}")(name)

    def _enough(self, count):
        with contextlib.suppress(requests.RequestException):
            up = sorted(each["id"] for each in self._stack.instances("todo") if each["state"] == "up")
            return up if len(up) >= count or self._over.is_set() else None

    def _kill(self, name):
        self._signal(name, signal.SIGKILL, "kill")

    def _kill_two(self, name):
        self._signal(name, signal.SIGKILL, "kill two")

    def _kill_at_a_commit(self, name):
        """Take whoever has just changed a task, while its answer is on the way; `name` where nobody has."""
        names = {pid: each for each, pid in self._pids().items() if pid}
        pid = self._committer(set(names)) or self._pid(name)
        at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self.deeds.append(Deed(at, "kill at a commit", names[pid]))

    def _committer(self, pids):
        """Wait for a change of a task and give who made it: who holds the lock for writing before one more is there."""
        if self._stack.distributed:
            return None
        file = self._stack.home / "db" / "todo.sqlite3"
        inode = file.with_name(f"{file.name}-shm").stat().st_ino
        give_up = time.monotonic() + COMMIT_WITHIN
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            last = lambda: database.execute("SELECT max(rowid) FROM todos_activity").fetchone()  # noqa: E731
            while time.monotonic() < give_up:
                before, writer = last(), writer_of(inode)
                while writer in pids and writer_of(inode) == writer:
                    if last() != before:
                        return writer
                time.sleep(LOOK_EVERY)
        return None

    def _end(self, name):
        """It drains by itself, as at a rollout."""
        self._signal(name, signal.SIGTERM, "end")

    def _freeze(self, name):
        pid = self._signal(name, signal.SIGSTOP, "freeze")
        time.sleep(self._rng.uniform(*STILL))
        os.kill(pid, signal.SIGCONT)

    def _drain(self, name):
        """An operator lets it rest, and takes it back."""
        self.deeds.append(Deed(time.monotonic(), "drain", name))
        self._tell(name, "drain")
        time.sleep(self._rng.uniform(*STILL))
        self._tell(name, "resume")

    def _signal(self, name, number, what):
        pid = self._pid(name)
        self.deeds.append(Deed(time.monotonic(), what, name))  # before: a request may fail at once
        os.kill(pid, number)
        return pid

    def _pids(self):
        return {info["name"]: info["pid"] for info in self._control.processes() if info["name"] in self._names}

    def _pid(self, name):
        pid = self._pids()[name]
        assert pid, f"{name} is up and has no process"
        return pid

    def _tell(self, name, what):
        url = f"{self._stack.registry_url}/v1/services/todo/instances/{name}/{what}"
        answer = requests.post(url, headers={"Authorization": f"Bearer {self._stack.token()}"}, timeout=5)
        assert answer.ok, answer.text


def writer_of(inode):
    """Give the process that holds SQLite's lock for writing (WAL_WRITE_LOCK), by its file of shared memory."""
    found = re.search(rf"WRITE (\d+) \w+:\w+:{inode} 120 120$", Path("/proc/locks").read_text(), re.MULTILINE)
    return int(found[1]) if found else None
