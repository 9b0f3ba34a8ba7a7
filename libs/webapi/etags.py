"""Strong entity tags from an object's version, and the preconditions that use them (RFC 9110 §§ 8.8.3, 13)."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from rest_framework.request import Request

from libs.contracts.errors import PreconditionFailed, PreconditionRequired
from libs.webapi.renderers import plain


def make(version: int, *variant: str) -> str:
    """Make the strong tag of a version; `variant` tells representations apart, such as the caller's role."""
    return '"' + "-".join([f"v{version}", *variant]) + '"'


def not_modified(request: Request, etag: str) -> bool:
    """Tell whether If-None-Match names `etag` (weak comparison), so that 304 is the answer."""
    given = request.META.get("HTTP_IF_NONE_MATCH", "")
    return given.strip() == "*" or any(tag.removeprefix("W/") == etag for tag in _tags(given))


def check_if_match(request: Request, etag: str, current: Callable[[], Any]) -> None:
    """Refuse a stale If-Match (412 with the object as it is in `current`), or a missing one where it is demanded."""
    given = request.META.get("HTTP_IF_MATCH")
    if given is None:
        if settings.REQUIRE_IF_MATCH:
            raise PreconditionRequired
        return
    if given.strip() != "*" and etag not in _tags(given):
        raise PreconditionFailed(extra={"current": plain(current())})


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",") if tag.strip()]
