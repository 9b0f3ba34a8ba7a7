"""The device that a request comes from, as shown in the list of sessions."""

from dataclasses import dataclass

MAX_USER_AGENT = 255


@dataclass(frozen=True, slots=True)
class Device:
    """Where a user signs in from: the network address as the gateway saw it, and what the client says it is."""

    ip: str = ""
    user_agent: str = ""

    @classmethod
    def of(cls, ip: str, user_agent: str) -> "Device":
        """Make a device of what a request says, cut to what can be stored."""
        return cls(ip[:45], user_agent.replace("\0", "")[:MAX_USER_AGENT])
