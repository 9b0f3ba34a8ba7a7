"""Clients of TODO in one process with a relay: each changes tasks by TODO's services until the file `enough` exists.

A client writes into its journal what it was told to be committed. One that comes back after a death goes on with the
tasks that it finds.
"""

import os
import random
import sys
import threading
import time
import uuid

import structlog
from django.conf import settings
from django.db import Error, close_old_connections

from libs.eventbus.relay import Relay
from tests.chaos.events import places
from todo_svc.todos.models import Task, TaskList
from todo_svc.todos.services.lists import list_create
from todo_svc.todos.services.tasks import task_complete, task_create, task_reopen, task_update
from todo_svc.todos.services.trash import task_delete

log = structlog.get_logger(__name__)

MIX = {"create": 25, "update": 45, "complete": 12, "reopen": 12, "delete": 6}


class Client(threading.Thread):
    """Makes one change after the other, at most `rate` a second."""

    def __init__(self, name, rate):
        super().__init__(name=name, daemon=True)
        self.rng = random.Random(f"{name} {os.getpid()}")
        self.pause = 1 / rate
        self.actor = uuid.uuid5(uuid.NAMESPACE_URL, name)
        self.journal = os.open(settings.HOME / "journals" / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def run(self):
        self.list_id = self.tasks = None
        at = time.monotonic() + self.rng.uniform(0, self.pause)
        while not (settings.HOME / "enough").exists():
            time.sleep(max(0.0, at - time.monotonic()))
            at = max(at + self.pause, time.monotonic() - 5.0)  # what it is behind is made up for, within reason
            try:
                self.step()
            except Error as error:
                log.warning("a change was not committed", error=str(error))
                self.list_id = None
                close_old_connections()

    def step(self):
        if self.list_id is None:
            self.look()
        what = self.rng.choices(list(MIX), MIX.values())[0] if self.tasks else "create"
        version = getattr(self, what)()
        if version is not None:
            os.write(self.journal, f"{self.task_id} {version}\n".encode())

    def look(self):
        mine = TaskList.objects.filter(name=self.name).first()
        self.list_id = mine.id if mine else list_create(actor=self.actor, values={"name": self.name}).id
        self.tasks = list(Task.objects.filter(list_id=self.list_id, deleted_at=None).values_list("id", flat=True))

    def create(self):
        values = {"title": f"Task {self.rng.random()}"}
        task = task_create(actor=self.actor, list_id=self.list_id, values=values)
        self.tasks.append(task.id)
        return self.told(task)

    def update(self):
        values = {"title": f"Task {self.rng.random()}", "priority": self.rng.randrange(4)}
        return self.told(task_update(actor=self.actor, task_id=self.pick(), values=values))

    def complete(self):
        return self.told(task_complete(actor=self.actor, task_id=self.pick()))

    def reopen(self):
        return self.told(task_reopen(actor=self.actor, task_id=self.pick()))

    def delete(self):
        self.task_id = self.pick()
        self.tasks.remove(self.task_id)
        task_delete(actor=self.actor, task_id=self.task_id)

    def pick(self):
        return self.rng.choice(self.tasks)

    def told(self, task):
        self.task_id = task.id
        return task.version


def main(rate, *names):
    places.install()
    Relay().start()
    for name in names:
        Client(name, float(rate)).start()
    sys.stdin.read()  # whoever started this process holds the other end
