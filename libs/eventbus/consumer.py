"""Celery's consumer with two repairs.

With quorum queues Celery declares 28 queues for ETAs at each start, which takes seconds; ETAs are forbidden here.

A task that can't be acknowledged because the connection broke leaves a worker deaf: Celery logs it and goes on, but
the transport counts the task as still held, takes no other (prefetch 1), and so never finds out that its connection is
dead. Here it is an error of the connection, after which Celery connects anew.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from celery.worker.consumer import Consumer as CeleryConsumer
from kombu import Message


class NotAcknowledged(ConnectionResetError):
    """The broker was not told that a task is done, or given back."""


class Consumer(CeleryConsumer):
    """Named by the setting `worker_consumer`."""

    class Blueprint(CeleryConsumer.Blueprint):  # type: ignore[misc, valid-type]  # a class by another name
        """The steps of a start, but one."""

        default_steps: ClassVar[list[str]] = [
            step for step in CeleryConsumer.Blueprint.default_steps if "delayed_delivery" not in step
        ]

    def call_soon_ack(self, p: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Schedule `p`, a message's `ack_log_error` or `reject_log_error`, so that its failure ends the connection."""
        message: Message = p.__self__  # type: ignore[attr-defined]  # a bound method
        consumer: Any = self  # the stubs do not know all of it

        def settle() -> None:
            p(*args, **kwargs)
            if not message.acknowledged and message.channel is consumer.task_consumer.channel:  # not of one before
                raise NotAcknowledged("the connection broke while a task was acknowledged")

        return super().call_soon_ack(settle)  # type: ignore[misc]  # nor this
