"""The reaction: see what was applied before, write the effect, and fail now and then after that."""

import random

from django.db.models import Max

from tests.chaos.events.effects.models import Effect

FAILS = 0.003


class Moody(Exception):
    """This time it fails, though nothing is wrong."""


def note(envelope):
    before = Effect.objects.filter(aggregate_id=envelope.aggregate_id).aggregate(last=Max("sequence"))
    Effect.objects.create(
        event_id=envelope.id,
        type=envelope.type,
        aggregate_id=envelope.aggregate_id,
        sequence=envelope.sequence,
        data=envelope.data,
        seen=before["last"] or 0,
    )
    if random.random() < FAILS:
        raise Moody


REACTIONS = {"todo.*": note}
