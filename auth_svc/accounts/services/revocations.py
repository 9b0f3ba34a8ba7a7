"""What gateways are told of: sessions and personal tokens that ended before their time."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.utils.timezone import now

from auth_svc.accounts.models import Revocation, RevocationClock

#: The longest that a gateway believes in an access token (its life, ten minutes) or in a personal one (it asks again
#: after five), and some seconds for clocks that differ.
OUTLIVES_TOKENS = timedelta(seconds=660)


def revocations_add(*, session_ids: Sequence[UUID] = (), token_ids: Sequence[UUID] = ()) -> None:
    """Tell gateways, in the caller's transaction.

    The clock's lock makes sequences commit in their order, so no cursor passes one unseen.
    """
    clock, _ = RevocationClock.objects.select_for_update().get_or_create(pk=1)
    ended = [Revocation(session_id=session_id) for session_id in session_ids]
    ended += [Revocation(token_id=token_id) for token_id in token_ids]
    expires_at = now() + OUTLIVES_TOKENS
    for sequence, revocation in enumerate(ended, start=clock.value + 1):
        revocation.sequence, revocation.expires_at = sequence, expires_at
    Revocation.objects.bulk_create(ended)
    clock.value += len(ended)
    clock.save(update_fields=["value"])
