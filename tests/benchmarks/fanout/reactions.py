"""The effect: one row."""

import time

from tests.benchmarks.fanout.models import Effect


def note(envelope):
    change = envelope.data["changes"]["number"]
    Effect.objects.create(number=change["to"], committed_at=change["at"], applied_at=time.time())


REACTIONS = {"todo.task.*": note}
