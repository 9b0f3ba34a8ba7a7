"""What the Registry refuses.

BadGateway
└── Unreachable          502 instance_unreachable
Conflict
└── StaleIncarnation     409 stale_incarnation: a later process holds this id
DeadlineExceeded
└── CheckTimedOut        504 instance_timeout
NotFound
├── UnknownInstance      404 unknown_instance
├── UnknownLease         404 unknown_lease: register again
└── UnknownService       404 unknown_service
PermissionDenied
├── NotYours             403 not_your_instance
├── RouteNotAllowed      403 route_not_allowed
└── ServiceNotPublic     403 service_not_public
Unavailable
└── NotStored            503 not_stored: done, but its database does not answer, so it would not survive a crash
ValidationFailed
└── HealthCheckFailed    422 health_check_failed

`TooManyRequests` (429 too_many_requests) tells who registers or watches too often.

`NoInstance` (503 no_healthy_instance) is discovery's, as clients raise it, too.
"""

from libs.contracts.errors import (
    BadGateway,
    Conflict,
    DeadlineExceeded,
    NotFound,
    PermissionDenied,
    Unavailable,
    ValidationFailed,
)


class Unreachable(BadGateway):
    """The instance can't be reached."""

    code = "instance_unreachable"


class StaleIncarnation(Conflict):
    """A later incarnation of this instance is registered."""

    code = "stale_incarnation"


class CheckTimedOut(DeadlineExceeded):
    """The instance did not answer the health check in time."""

    code = "instance_timeout"


class UnknownInstance(NotFound):
    """There is no such instance."""

    code = "unknown_instance"


class UnknownLease(NotFound):
    """There is no such lease: register again."""

    code = "unknown_lease"


class UnknownService(NotFound):
    """There is no such service type."""

    code = "unknown_service"


class NotYours(PermissionDenied):
    """A service speaks for its own instances only."""

    code = "not_your_instance"


class RouteNotAllowed(PermissionDenied):
    """The service bundle does not allow this route."""

    code = "route_not_allowed"


class ServiceNotPublic(PermissionDenied):
    """This service is not for you to see."""

    code = "service_not_public"


class NotStored(Unavailable):
    """It is in effect, but the Registry's database does not answer: try again."""

    code = "not_stored"


class HealthCheckFailed(ValidationFailed):
    """The first health check failed, so the instance is not registered."""

    code = "health_check_failed"
