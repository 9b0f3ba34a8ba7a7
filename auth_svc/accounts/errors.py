"""What Auth refuses.

ServiceError
├── Conflict
│   ├── EmailTaken           409 email_taken
│   └── TooManyPats          409 too_many_pats
├── Unauthenticated
│   ├── InvalidCredentials   401 invalid_credentials
│   ├── InvalidToken         401 invalid_token
│   └── RefreshReused        401 refresh_reused
├── PermissionDenied
│   └── SessionRequired      403 session_required
├── TooManyRequests
│   └── TooManyAttempts      429 too_many_attempts
├── NotFound
│   ├── SessionNotFound      404 not_found
│   ├── PatNotFound          404 not_found
│   └── UnknownToken         404 unknown_token
└── ValidationFailed         422
    ├── WeakPassword         422, each broken rule in `errors`
    └── WrongPassword        422 wrong_password
"""

from libs.contracts.errors import (
    Conflict,
    FieldError,
    NotFound,
    PermissionDenied,
    TooManyRequests,
    Unauthenticated,
    ValidationFailed,
)


class EmailTaken(Conflict):
    """There is an account with this e-mail address."""

    code = "email_taken"


class TooManyPats(Conflict):
    """You have as many personal access tokens as one can have; delete one first."""

    code = "too_many_pats"


class InvalidCredentials(Unauthenticated):
    """The e-mail address or the password is wrong."""

    code = "invalid_credentials"


class InvalidToken(Unauthenticated):
    """The token is unknown, expired or revoked."""

    code = "invalid_token"


class RefreshReused(Unauthenticated):
    """This refresh token was used before or its session has ended; sign in again."""

    code = "refresh_reused"


class SessionRequired(PermissionDenied):
    """Sign in for this: a personal access token is not enough."""

    code = "session_required"


class TooManyAttempts(TooManyRequests):
    """Too many wrong passwords from here; wait."""

    code = "too_many_attempts"


class SessionNotFound(NotFound):
    """You have no such session."""


class PatNotFound(NotFound):
    """You have no such personal access token."""


class UnknownToken(NotFound):
    """No personal access token has this digest, or it has expired."""

    code = "unknown_token"


class WeakPassword(ValidationFailed):
    """The password is too easy to guess."""


class WrongPassword(ValidationFailed):
    """The password is wrong."""

    code = "wrong_password"

    @classmethod
    def at(cls, pointer: str) -> "WrongPassword":
        """Make the error of the field at `pointer`."""
        return cls(errors=[FieldError(pointer, "wrong_password", "the password is wrong")])
