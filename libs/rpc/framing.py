"""Which HTTP/1 requests are framed so that every program on the way reads them the same (RFC 9112)."""

import re
from collections.abc import Mapping

from libs.contracts.errors import BadRequest, ServiceError
from libs.rpc.messages import RawHeaders

#: Digits of a Content-Length: more are zeros in front, or no size that there is.
LONGEST_LENGTH = 19

_ABSOLUTE = re.compile(rb"https?://([^/?@]+)((?:[/?].*)?)", re.IGNORECASE)


class ExpectationFailed(ServiceError):
    """Nothing but `100-continue` can be expected here."""

    status = 417
    code = "expectation_failed"


class NotImplementedHere(ServiceError):
    """This is HTTP, but nothing that is spoken here."""

    status = 501
    code = "not_implemented"


class VersionNotSupported(ServiceError):
    """HTTP/1.1 and HTTP/1.0 are spoken here."""

    status = 505
    code = "http_version_not_supported"


def check(method: bytes, version: str, headers: RawHeaders, given: Mapping[bytes, bytes]) -> None:
    """Raise the ServiceError of a request that the parser takes and others might read differently.

    `given` has one value of each of the `headers`.
    """
    if version not in ("1.1", "1.0"):
        raise VersionNotSupported
    if method == b"CONNECT":
        raise NotImplementedHere("there is no tunnel here")
    if len(given.get(b"content-length", b"")) > LONGEST_LENGTH:
        raise BadRequest("the Content-Length is not a plain number")
    if b"transfer-encoding" in given:
        if version == "1.0":
            raise BadRequest("HTTP/1.0 has no Transfer-Encoding")
        if _all(headers, b"transfer-encoding") != [b"chunked"]:
            raise NotImplementedHere("no Transfer-Encoding but `chunked` is known here")
    if b"expect" in given and version == "1.1" and _all(headers, b"expect") != [b"100-continue"]:
        raise ExpectationFailed


def _all(headers: RawHeaders, name: bytes) -> list[bytes]:
    return [value.lower() for key, value in headers if key == name]


def origin_form(target: bytes, host: bytes) -> bytes:
    """Give the path and query of `target`; an absolute one must name the host that Host names (§ 3.2.2)."""
    if b"#" in target:
        raise BadRequest("a fragment is not sent")
    if target.startswith(b"/") or target == b"*":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadRequest("the request target is neither a path nor an http address")
    if absolute[1].lower() != host.lower():
        raise BadRequest("the request target and Host name different hosts")
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
