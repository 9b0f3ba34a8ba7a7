"""The one place that makes queues.

Senders and workers declare the same ones, so nothing is sent into the void: RabbitMQ confirms a message for a missing
queue and drops it in silence.
"""

from django.conf import settings
from kombu import Exchange, Queue

from libs.eventbus.conf import broker_kind

#: Where a quorum queue puts what was delivered too often. The ledger sends such batches again; this is for people, and
#: may lose some: RabbitMQ's dead-letter strategy "at-least-once" can break all queues of a node (docs/adr, 18).
DEAD_LETTERS = "dead-letters"
DELIVERY_LIMIT = 20


def queue(name: str) -> Queue:
    """Make the queue `name` for the broker in use."""
    if broker_kind(settings.BROKER_URL) != "amqp":
        return Queue(name, Exchange(name, type="direct"), routing_key=name)
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-overflow": "reject-publish",
    }
    return Queue(name, Exchange(name, type="direct"), routing_key=name, queue_arguments=arguments)


def declarations(name: str) -> list[Queue]:
    """List what must be declared before the queue `name` is used: itself and, on RabbitMQ, its dead letters."""
    if broker_kind(settings.BROKER_URL) != "amqp":
        return [queue(name)]
    dead = Queue(DEAD_LETTERS, Exchange(DEAD_LETTERS, type="fanout"), queue_arguments={"x-queue-type": "quorum"})
    return [dead, queue(name)]
