"""Small helpers around the envelope's messages: header lists, request ids, principals."""

from collections.abc import Iterable, Sequence

from uuid_utils import uuid7

from libs.identity.principal import Call, Caller, Principal
from libs.rpc import http_bridge_pb2 as pb

#: ASGI's form of headers: lower-case names, raw values, in order.
RawHeaders = Sequence[tuple[bytes, bytes]]


def new_request_id() -> str:
    """Make a request id: a UUIDv7, so ids sort by time."""
    return str(uuid7())


def to_headers(raw: RawHeaders) -> list[pb.Header]:
    """Turn ASGI headers into the envelope's; names that are not ASCII are dropped, for no service may see them."""
    return [pb.Header(name=name.decode().lower(), value=value) for name, value in raw if name.isascii()]


def from_headers(headers: Iterable[pb.Header]) -> list[tuple[bytes, bytes]]:
    """Turn the envelope's headers into ASGI's."""
    return [(header.name.encode(), header.value) for header in headers]


def find(headers: Iterable[pb.Header], name: str) -> bytes | None:
    """Give the first value of `name` (lower-case), or None."""
    return next((header.value for header in headers if header.name == name), None)


def call_of(request: pb.Request, caller: Caller) -> Call:
    """Make the Call of a request. Only the gateway may say for which user, from where and by which route it comes."""
    if caller.service != "gateway":
        return Call(caller, request_id=request.request_id)
    principal = to_principal(request.principal) if request.HasField("principal") else None
    return Call(
        caller, principal, request.request_id, request.route, request.client_ip, request.token_error, request.attempt
    )


def to_principal(message: pb.Principal) -> Principal:
    """Read the envelope's principal."""
    return Principal(message.user_id, message.session_id, frozenset(message.scopes), message.token_id)


def from_principal(principal: Principal) -> pb.Principal:
    """Write a principal for the envelope."""
    return pb.Principal(
        user_id=principal.user_id,
        session_id=principal.session_id,
        scopes=sorted(principal.scopes),
        token_id=principal.token_id,
    )
