"""Refuses paths that programs on the way could read differently."""

import re
from urllib.parse import unquote_to_bytes

from libs.rpc.problem import BadPath

# An encoded slash or backslash is one segment to some and two to others; a NUL or control byte ends strings.
_AMBIGUOUS = re.compile(rb"//|%2f|%5c|%0[0-9a-f]|%1[0-9a-f]|%7f|[\x00-\x1f\x7f\\]|%(?![0-9a-f]{2})", re.IGNORECASE)

#: What nobody reads differently (RFC 3986, § 2.3), and the slash.
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"

# Some programs cut `;parameters` off before they look at the segment.
_DOTS = re.compile(rb"/\.\.?(?:[/;]|$)")


def check_path(raw_path: bytes) -> None:
    """Raise BadPath for control bytes, broken or ambiguous escapes, invalid UTF-8, dot segments and `//`."""
    if (
        not raw_path.translate(None, _PLAIN)
        and raw_path[:1] == b"/"
        and b"//" not in raw_path
        and b"/." not in raw_path
    ):
        return  # as most are
    if not raw_path.startswith(b"/") or _AMBIGUOUS.search(raw_path):
        raise BadPath
    decoded = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    if _DOTS.search(decoded):
        raise BadPath
    try:
        decoded.decode()
    except UnicodeDecodeError:
        raise BadPath from None
