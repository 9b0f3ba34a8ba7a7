"""Refusals of the Events service.

ServiceError
├── NotFound (404)
│   └── SubscriberUnknown    this service has never subscribed
└── Conflict (409)
    ├── NothingToRetry       the delivery is acknowledged or under way
    └── NothingToSkip        the delivery is acknowledged, under way or given up already
"""

from libs.contracts.errors import Conflict, NotFound


class SubscriberUnknown(NotFound):
    """This service has never subscribed to anything."""

    code = "subscriber_unknown"


class NothingToRetry(Conflict):
    """The delivery is acknowledged or under way."""

    code = "nothing_to_retry"


class NothingToSkip(Conflict):
    """Only deliveries that wait, are parked or dead can be given up."""

    code = "nothing_to_skip"
