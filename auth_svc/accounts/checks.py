"""System checks: settings that would weaken tokens stop the start."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

MAX_ACCESS_TOKEN_SECONDS = 600


@register()
def token_settings(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check what goes into access tokens."""
    found: list[CheckMessage] = [
        Error(f"MT_{name}: a text without spaces, not {getattr(settings, name)!r}", id="accounts.E001")
        for name in ("TOKEN_ISSUER", "TOKEN_AUDIENCE")
        if not _is_word(getattr(settings, name))
    ]
    if not 1 <= settings.ACCESS_TOKEN_SECONDS <= MAX_ACCESS_TOKEN_SECONDS:
        text = f"MT_ACCESS_TOKEN_SECONDS: 1 to {MAX_ACCESS_TOKEN_SECONDS}, not {settings.ACCESS_TOKEN_SECONDS}"
        found.append(Error(text, id="accounts.E002"))
    if settings.REFRESH_TOKEN_DAYS > settings.SESSION_DAYS:
        found.append(Error("MT_REFRESH_TOKEN_DAYS: not more than MT_SESSION_DAYS", id="accounts.E003"))
    return found


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not any(character.isspace() for character in value)
