"""A subscriber of our event bus."""

from django.conf import settings

from libs.eventbus.worker import run
from tests.chaos.events import places


def main():
    places.install()
    run(settings.SERVICE, settings.WORKER_QUEUES)
