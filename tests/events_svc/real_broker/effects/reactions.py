"""The reaction: write the effect, then stay inside the transaction for as long as the file `hold` exists."""

import time

from django.conf import settings

from libs.eventbus import Envelope
from tests.events_svc.real_broker.effects.models import Effect


def note(envelope: Envelope) -> None:
    Effect.objects.create(
        aggregate_id=envelope.aggregate_id,
        sequence=envelope.sequence,
        committed_at=envelope.data["changes"].get("at", {}).get("to", 0.0),
        applied_at=time.time(),
    )
    hold = settings.HOME / "hold"
    while hold.exists():
        (settings.HOME / "inside").touch()
        time.sleep(0.01)


REACTIONS = {"todo.list.*": note}
