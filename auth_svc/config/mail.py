"""Where mail goes: an SMTP server named by a URL, or files in a folder."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from libs.service.env import ConfigurationError

#: How long a mail server may take to answer (seconds).
TIMEOUT = 10
SCHEMES = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


def mail_settings(url: str, folder: Path) -> dict[str, Any]:
    """Give Django's mail settings for `url`; where it is empty, mails become files in `folder`."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend", "EMAIL_FILE_PATH": str(folder)}
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ConfigurationError("MT_SMTP_URL: write smtp://, smtps:// or smtp+plain:// and a host")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": _port(parts.netloc, parts.scheme),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": TIMEOUT,
    }


def _port(netloc: str, scheme: str) -> int:
    try:
        return urlsplit(f"//{netloc}").port or SCHEMES[scheme]
    except ValueError as error:
        raise ConfigurationError(f"MT_SMTP_URL: {error}") from None
