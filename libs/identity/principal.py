"""The nouns of identity: Caller (which program calls), Principal (for which user) and Call (both, of one request)."""

from dataclasses import dataclass, field
from typing import Literal

#: The key under which a WSGI environ carries its `Call`.
ENVIRON_KEY = "mt.call"

CallerKind = Literal["external", "service", "admin"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The program at the other end: nobody known (`external`), a `service`, or the `admin` service."""

    kind: CallerKind = "external"
    service: str = ""

    @classmethod
    def of(cls, service: str) -> "Caller":
        """Make the caller of a verified service name."""
        return cls("admin" if service == "admin" else "service", service)


@dataclass(frozen=True, slots=True)
class Principal:
    """The user on whose behalf a request is made, as the gateway verified it."""

    user_id: str
    session_id: str = ""
    scopes: frozenset[str] = frozenset()
    token_id: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Where a request came from. `route` is set only for requests from outside, which pass the gateway.

    `token_error` says what is wrong with the client's access token. There is no principal then; public views answer
    all the same, for a client that refreshes a token may well send the one that has expired. `attempt` is to how many
    other instances the gateway has sent this request before: none answered, and one may have done what it asks for.
    """

    caller: Caller = field(default_factory=Caller)
    principal: Principal | None = None
    request_id: str = ""
    route: str = ""
    client_ip: str = ""
    token_error: str = ""
    attempt: int = 0
