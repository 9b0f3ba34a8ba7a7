"""Fan-out as a tutorial would write it: after the commit one task for each subscriber, acknowledged late."""

import os
import time

from celery import Celery, shared_task

from tests.benchmarks.fanout import SUBSCRIBERS

app = Celery("raw", broker=os.environ["MT_BROKER_URL"])
app.conf.task_acks_late = True
app.conf.task_ignore_result = True


@shared_task
def note(event):
    from tests.benchmarks.fanout.models import Effect  # noqa: PLC0415  (Celery loads this before Django's models can)

    Effect.objects.create(number=event["number"], committed_at=event["at"], applied_at=time.time())


def send(event):
    for subscriber in SUBSCRIBERS:
        note.apply_async(args=[event], queue=f"{subscriber}.raw")
