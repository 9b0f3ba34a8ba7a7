"""Celery's consumer without native delayed delivery.

With quorum queues Celery declares 28 queues for ETAs at each start, which takes seconds; ETAs are forbidden here.
"""

from typing import ClassVar

from celery.worker.consumer import Consumer as CeleryConsumer


class Consumer(CeleryConsumer):
    """Named by the setting `worker_consumer`."""

    class Blueprint(CeleryConsumer.Blueprint):  # type: ignore[misc, valid-type]  # a class by another name
        """The steps of a start, but one."""

        default_steps: ClassVar[list[str]] = [
            step for step in CeleryConsumer.Blueprint.default_steps if "delayed_delivery" not in step
        ]
