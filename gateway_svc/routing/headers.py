"""Which headers pass the gateway (RFC 9110 § 7.6.1).

Removal comes first, ours are added afterwards, so that no `Connection: x-forwarded-for` of a client can delete them.
"""

import re
from collections.abc import Iterable, Iterator

from libs.rpc.messages import RawHeaders

HOP_BY_HOP = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te",
        b"trailer", b"transfer-encoding", b"upgrade",
    )
)  # fmt: skip

#: Said elsewhere in the envelope, made afresh, or answered by the gateway itself.
OWN = frozenset(
    (
        b"host", b"content-length", b"expect", b"authorization", b"forwarded", b"via", b"x-request-id",
        b"traceparent", b"tracestate",
    )
)  # fmt: skip

#: Names with which a client could pose as the platform, a proxy or a CGI variable.
RESERVED = (
    b"x-mt-", b"x-user-", b"grpc-", b"x-forwarded", b"x-real-ip", b"x-scheme", b"x-original-", b"x-envoy-", b"x-accel-",
    b"x-sendfile", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip", b"proxy", b"baggage",
)  # fmt: skip

#: What services may not say in a browser's or a client's face: those are the gateway's, or nobody's.
RESERVED_OUT = (b"x-mt-", b"x-user-", b"grpc-", b"x-accel-", b"x-sendfile", b"access-control-")
OWN_OUT = frozenset((b"date", b"server", b"x-request-id", b"x-content-type-options"))

_NAME = re.compile(rb"[a-z0-9-]+")
_TOKEN = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")


def values(headers: RawHeaders, name: bytes) -> list[bytes]:
    """Give all values of `name` (lower-case), in order."""
    return [value for key, value in headers if key == name]


def first(headers: RawHeaders, name: bytes) -> bytes:
    """Give the first value of `name`, empty where there is none."""
    return next((value for key, value in headers if key == name), b"")


def inbound(headers: RawHeaders) -> tuple[list[tuple[bytes, bytes]], int]:
    """Give the headers of a client that may pass, and how many were dropped for an ambiguous name."""
    named = set(_connection_options(headers))
    passing = [
        item
        for item in headers
        if item[0] not in HOP_BY_HOP
        and item[0] not in OWN
        and item[0] not in named
        and not item[0].startswith(RESERVED)
    ]
    clear = [item for item in passing if _NAME.fullmatch(item[0])]
    return clear, len(passing) - len(clear)


def outbound(headers: RawHeaders) -> Iterator[tuple[bytes, bytes]]:
    """Give the headers of a service's answer that may pass."""
    named = set(_connection_options(headers))
    for name, value in headers:
        if name in HOP_BY_HOP or name in OWN_OUT or name in named or name.startswith(RESERVED_OUT):
            continue
        yield name, value


def are_valid(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether all names and values may go on the wire."""
    return all(_TOKEN.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers)


def _connection_options(headers: RawHeaders) -> Iterator[bytes]:
    for value in values(headers, b"connection"):
        for option in value.split(b","):
            yield option.strip().lower()
