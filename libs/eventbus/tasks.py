"""The Celery door of a subscriber."""

import structlog
from celery import shared_task

from libs.contracts.names import TASK_RECEIVE
from libs.eventbus import reactions, receiving
from libs.eventbus.signing import Message
from libs.identity.service_tokens import TokenError

log = structlog.get_logger(__name__)


@shared_task(name=TASK_RECEIVE)
def receive(*, queue: str, source: str, payload: str, signature: str) -> None:
    """Take a batch of deliveries from Events; anything else is refused and logged."""
    try:
        batch = Message(TASK_RECEIVE, queue, source, payload, signature).opened(only="events")
    except TokenError as error:
        log.warning("a batch was refused", reason=str(error))
        return
    receiving.receive(batch, reactions.table())
