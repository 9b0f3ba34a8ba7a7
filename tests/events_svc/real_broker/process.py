"""One process: `python -m tests.events_svc.real_broker.process worker | publish COUNT AGGREGATES PAUSE | publish-and-die`."""

import os
import signal
import sys
import time

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import transaction

from libs import discovery
from libs.rpc.client import BridgeClient


class Fixed(discovery.Snapshots):
    """Knows where Events is without asking a Registry."""

    def pick(self, service, *, strategy="", exclude=()):
        port = int((settings.HOME / f"{service}.port").read_text())
        return discovery.Instance(type=service, id=f"{service}-1", grpc_address=f"127.0.0.1:{port}")


class Bridge:
    """Serves the HTTP API of Events over gRPC beside its worker."""

    def start(self):
        from libs.rpc.dispatcher import Dispatcher
        from libs.rpc.server import BridgeServer
        from libs.service.identity import verifier

        dispatcher = Dispatcher(get_wsgi_application())
        self.server = BridgeServer(dispatcher, verifier(), host="127.0.0.1", port=0, health=lambda: (True, ""))
        (settings.HOME / "events.port").write_text(str(self.server.start()))

    def stop(self):
        self.server.stop(1.0)


def worker():
    from django.utils.module_loading import import_string

    from libs.eventbus.worker import run

    parts = [import_string(path)() for path in settings.WORKER_PARTS]
    if settings.SERVICE == "events":
        parts.append(Bridge())
    else:
        parts.append(import_string("libs.eventbus.relay.Relay")())
    run(settings.SERVICE, settings.WORKER_QUEUES, *parts)


def publish(count, aggregates, pause):
    from libs.eventbus.relay import Relay

    relay = Relay()
    relay.start()
    for number in range(count):
        publish_one(number % aggregates, number)
        time.sleep(pause)
    relay.stop()


def publish_one(aggregate, number):
    from libs.contracts.todo import ListUpdated
    from libs.eventbus import publish as publish_event

    with transaction.atomic():
        publish_event(
            ListUpdated(list_id=f"list-{aggregate}", version=number, changes={"at": {"from": 0, "to": time.time()}})
        )


def publish_and_die():
    publish_one(0, 0)
    with transaction.atomic():
        publish_event_rolled_back()
    os.kill(os.getpid(), signal.SIGKILL)


def publish_event_rolled_back():
    publish_one(0, 1)
    transaction.set_rollback(True)


if __name__ == "__main__":
    django.setup()
    from libs.service.identity import signer

    discovery.install(Fixed(), BridgeClient(signer()))
    match sys.argv[1:]:
        case ["worker"]:
            worker()
        case ["publish", count, aggregates, pause]:
            publish(int(count), int(aggregates), float(pause))
        case ["publish-and-die"]:
            publish_and_die()
