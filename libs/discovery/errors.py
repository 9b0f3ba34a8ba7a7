"""What can go wrong in discovery.

Unavailable
└── NoInstance    503 no_healthy_instance: nobody to send the request to; try again soon
"""

from libs.contracts.errors import Unavailable


class NoInstance(Unavailable):
    """No healthy instance of the service is known."""

    code = "no_healthy_instance"

    @classmethod
    def of(cls, service: str) -> "NoInstance":
        """Name the service that has none."""
        return cls(f"There is no healthy instance of {service} now.", retry_after=1, extra={"service": service})
