"""The publisher. It obeys lines of standard input and answers each with one.

publish COUNT RATE    commit so many changes, RATE a second; 0: as fast as it can
carry, hold           start and stop the relay
"""

import random
import sys
import time
from functools import partial

from django.db import transaction

from libs.contracts.todo import TaskUpdated
from libs.eventbus import publish as publish_event
from libs.eventbus.relay import Relay
from tests.benchmarks.fanout import raw
from tests.benchmarks.fanout.models import Change
from tests.chaos.events import places

TASKS = 500


def main(side):
    places.install()
    announce = {"ours": announce_ours, "raw": announce_raw}[side]
    relay = Relay()
    for line in sys.stdin:
        match line.split():
            case ["publish", count, rate]:
                publish(announce, int(count), float(rate))
            case ["carry"]:
                relay = Relay()
                relay.start()
            case ["hold"]:
                relay.stop()
        print("done", flush=True)


def publish(announce, count, rate):
    began = time.monotonic()
    for number in range(count):
        if rate:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
        task_id = f"task-{random.randrange(TASKS)}"
        with transaction.atomic():
            Change.objects.create(task_id=task_id, number=number)
            announce(task_id, number)


def announce_ours(task_id, number):
    changes = {"number": {"from": None, "to": number, "at": time.time()}}
    publish_event(TaskUpdated(task_id=task_id, list_id="list", version=number, changes=changes))


def announce_raw(task_id, number):
    event = {"task_id": task_id, "list_id": "list", "version": number, "number": number, "at": time.time()}
    transaction.on_commit(partial(raw.send, event))
