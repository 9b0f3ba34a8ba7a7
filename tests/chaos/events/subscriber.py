"""A worker of a subscriber. It forgets to acknowledge for as long as the file `forget` exists."""

from django.conf import settings

from libs.contracts.names import TASK_ACKNOWLEDGE
from libs.eventbus import transports
from libs.eventbus.transports.celery import CeleryTransport
from libs.eventbus.worker import run
from tests.chaos.events import places


class Forgetful(CeleryTransport):
    """Says that it has sent an acknowledgement, and has not."""

    def send(self, message):
        if message.task != TASK_ACKNOWLEDGE or not (settings.HOME / "forget").exists():
            super().send(message)


def main():
    transports._KINDS["celery"] = f"{__name__}.{Forgetful.__name__}"
    places.install()
    run(settings.SERVICE, settings.WORKER_QUEUES)
