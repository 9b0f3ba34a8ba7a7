"""The publisher and subscriber: `worker`, `publish COUNT AGGREGATES PAUSE` or `publish-and-die`."""

import os
import signal
import time

from django.conf import settings
from django.db import transaction

from libs.contracts.todo import ListUpdated
from libs.eventbus import publish
from libs.eventbus.relay import Relay
from libs.eventbus.worker import run
from tests.events_svc.real_broker import places


def main(command: str, *arguments: str) -> None:
    places.install()
    match command:
        case "worker":
            run(settings.SERVICE, settings.WORKER_QUEUES, Relay())
        case "publish":
            count, aggregates, pause = arguments
            publish_many(int(count), int(aggregates), float(pause))
        case "publish-and-die":
            publish_and_die()


def publish_many(count: int, aggregates: int, pause: float) -> None:
    relay = Relay()
    relay.start()
    for number in range(count):
        with transaction.atomic():
            publish(update(number % aggregates, number))
        time.sleep(pause)
    relay.stop()


def publish_and_die() -> None:
    with transaction.atomic():
        publish(update(0, 0))
    with transaction.atomic():
        publish(update(0, 1))
        transaction.set_rollback(True)
    os.kill(os.getpid(), signal.SIGKILL)


def update(aggregate: int, number: int) -> ListUpdated:
    at = {"from": 0, "to": time.time()}
    return ListUpdated(list_id=f"list-{aggregate}", version=number, changes={"at": at})
