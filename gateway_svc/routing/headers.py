"""Which headers pass the gateway (RFC 9110 § 7.6.1).

Removal comes first, ours are added afterwards, so that no `Connection: x-forwarded-for` of a client can delete them.
All this runs for every request: what depends on a name alone is decided once and remembered.
"""

import re
from collections.abc import Callable, Iterable

from libs.rpc.messages import RawHeaders

HOP_BY_HOP = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te",
        b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings",
    )
)  # fmt: skip

#: Said elsewhere in the envelope, made afresh, or answered by the gateway itself.
OWN = frozenset(
    (
        b"host", b"content-length", b"expect", b"authorization", b"x-user", b"forwarded", b"via", b"x-request-id",
        b"traceparent", b"tracestate",
    )
)  # fmt: skip

#: Names with which a client could pose as the platform, a proxy or a CGI variable, and a service as one of these.
RESERVED = (
    b"x-mt-", b"x-user-", b"grpc-", b"x-forwarded", b"x-real-ip", b"x-scheme", b"x-original-", b"x-rewrite-",
    b"x-envoy-", b"x-accel-", b"x-sendfile", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip",
    b"cf-connecting-ip", b"fastly-client-ip", b"x-client-cert", b"x-ssl-", b"ssl-client-", b"x-remote-", b"remote-user",
    b"proxy", b"baggage",
)  # fmt: skip

#: What services may not say in a browser's or a client's face besides: those are the gateway's, or nobody's.
RESERVED_OUT = (*RESERVED, b"access-control-", b"forwarded")
OWN_OUT = frozenset((b"date", b"server", b"x-request-id", b"x-content-type-options"))

_NAME = re.compile(rb"[a-z0-9-]+")
_TOKEN = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CONTROLS = bytes({*range(0x20), 0x7F} - {ord("\t")})
_NOTHING_TO_DROP = frozenset((b"", b"close", b"keep-alive"))

_PASSES, _DROPPED, _UNCLEAR, _NAMES_OTHERS = range(4)


class Remembered(dict[bytes, int]):
    """What was decided of names. Programs send a few dozen; those who make names up don't fill the memory."""

    def __init__(self, decide: Callable[[bytes], int], most: int = 1024, longest: int = 64) -> None:
        """Keep `most` names of at most `longest` bytes, and begin anew when there are more."""
        super().__init__()
        self._decide, self._most, self._longest = decide, most, longest

    def __missing__(self, name: bytes) -> int:
        """Decide of a name."""
        fate = self._decide(name)
        if len(name) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[name] = fate
        return fate


def _fate_in(name: bytes) -> int:
    if name == b"connection":
        return _NAMES_OTHERS
    if name in HOP_BY_HOP or name in OWN or name.startswith(RESERVED):
        return _DROPPED
    return _PASSES if _NAME.fullmatch(name) else _UNCLEAR


def _fate_out(name: bytes) -> int:
    if name == b"connection":
        return _NAMES_OTHERS
    return _DROPPED if name in HOP_BY_HOP or name in OWN_OUT or name.startswith(RESERVED_OUT) else _PASSES


_IN = Remembered(_fate_in)
_OUT = Remembered(_fate_out)
_TOKENS = Remembered(lambda name: _TOKEN.fullmatch(name) is not None)


def values(headers: RawHeaders, name: bytes) -> list[bytes]:
    """Give all values of `name` (lower-case), in order."""
    return [value for key, value in headers if key == name]


def first(headers: RawHeaders, name: bytes) -> bytes:
    """Give the first value of `name`, empty where there is none."""
    for key, value in headers:
        if key == name:
            return value
    return b""


def inbound(headers: RawHeaders) -> tuple[list[tuple[bytes, bytes]], int]:
    """Give the headers of a client that may pass, and how many were dropped for an ambiguous name."""
    passing, options, unclear = [], [], 0
    for item in headers:
        fate = _IN[item[0]]
        if fate == _PASSES:
            passing.append(item)
        elif fate == _UNCLEAR:
            unclear += 1
        elif fate == _NAMES_OTHERS:
            options.append(item[1])
    return _without(passing, options), unclear


def outbound(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Give the headers of a service's answer that may pass."""
    passing, options = [], []
    for item in headers:
        fate = _OUT[item[0]]
        if fate == _PASSES:
            passing.append(item)
        elif fate == _NAMES_OTHERS:
            options.append(item[1])
    return _without(passing, options)


def are_valid(headers: RawHeaders) -> bool:
    """Tell whether an answer's headers may go on the wire: names, values, and a length that is a number."""
    text = b""
    for name, value in headers:
        if not _TOKENS[name] or (name == b"content-length" and not _LENGTH.fullmatch(value)):
            return False
        text += value
    return len(text.translate(None, _CONTROLS)) == len(text)


def _without(headers: list[tuple[bytes, bytes]], options: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Remove what `options`, the values of Connection, name."""
    named = {option.strip().lower() for value in options for option in value.split(b",")} - _NOTHING_TO_DROP
    return [item for item in headers if item[0] not in named] if named else headers
