"""Refusals of the Events service.

ServiceError
├── NotFound (404)
│   └── SubscriberUnknown    this service has never subscribed
└── Conflict (409)
    └── NothingToRetry       the delivery is acknowledged or under way
"""

from libs.contracts.errors import Conflict, NotFound


class SubscriberUnknown(NotFound):
    """This service has never subscribed to anything."""

    code = "subscriber_unknown"


class NothingToRetry(Conflict):
    """Only waiting and dead deliveries can be retried."""

    code = "nothing_to_retry"
