"""Personal access tokens: what they look like, and under which digest Auth knows them.

`mtp_`, 43 letters and digits (256 random bits), and the CRC-32 of all that in hex. The prefix and the check digits let
secret scanners recognise one, and spare questions to Auth about what is mistyped or made up without care.
"""

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "mtp_"

_ALPHABET = string.ascii_letters + string.digits
_RANDOM_LENGTH = 43
_FORM = re.compile(rf"({PREFIX}[A-Za-z0-9]{{{_RANDOM_LENGTH}}})([0-9a-f]{{8}})")


def new_token() -> str:
    """Make a token."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return body + _check(body)


def is_well_formed(token: str) -> bool:
    """Tell whether `token` could be one: its check digits are right."""
    found = _FORM.fullmatch(token)
    return found is not None and _check(found[1]) == found[2]


def digest(token: str) -> str:
    """Give the SHA-256 by which a token is stored and asked for; the token itself can't be told from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
