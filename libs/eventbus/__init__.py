"""Events between services: nothing lost, nothing applied twice. Databases remember, Celery only carries.

publisher    `publish` writes an outbox row in the caller's transaction; `relay` sends it to Events until it is stored
subscriber   `tasks` receives batches; `inbox` applies each event once; `subscriptions` tells Events what is wanted
"""

from libs.contracts.event import Event
from libs.eventbus.envelope import Envelope

__all__ = ["Envelope", "publish"]


def publish(event: Event, *, actor_id: str = "") -> Envelope:
    """Write `event` to the outbox; it goes out if and only if the surrounding transaction commits.

    Must run inside `transaction.atomic()`. `actor_id` is the user who caused the fact; empty for the system itself.
    """
    from libs.eventbus import outbox  # noqa: PLC0415  (this module loads before Django's models can)

    return outbox.append(event, actor_id=actor_id)
