"""The nudge that wakes the dispatcher of this process when there is something new to send."""

from django.db import transaction

from libs.eventbus.nudges import Nudge

DISPATCH = Nudge()


def nudge_after_commit() -> None:
    """Wake the dispatcher when the current transaction has committed."""
    transaction.on_commit(DISPATCH.give)
