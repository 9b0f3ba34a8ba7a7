"""What all pages share: the admin site's context, permissions, and how an action ends."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme

from admin_svc.dashboard.hub import control
from admin_svc.dashboard.theme import SHIPS_HTMX
from libs.contracts.errors import ServiceError

OPERATE = "dashboard.operate"


def render(request: HttpRequest, template: str, title: str, context: Mapping[str, Any]) -> HttpResponse:
    """Draw a page inside the admin site."""
    shared = {**admin.site.each_context(request), "title": title, "load_htmx": not SHIPS_HTMX}
    return TemplateResponse(request, template, {**shared, **partial_context(request), **context})


def partial_context(request: HttpRequest) -> dict[str, Any]:
    """Give what partials need beside their data."""
    return {"refresh_seconds": settings.REFRESH_SECONDS, "may_operate": request.user.has_perm(OPERATE)}


def member(request: HttpRequest) -> User:
    """Give the signed-in member of staff; the admin site lets nobody else come here."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def act(request: HttpRequest, action: Callable[[], None], *, topic: str, done: str, back: str) -> HttpResponse:
    """Run an action of a permitted user, say how it ended, tell all open pages, and go back."""
    if not request.user.has_perm(OPERATE):
        raise PermissionDenied
    try:
        action()
    except ServiceError as error:
        messages.error(request, f"That did not work: {error.detail}")
    else:
        messages.success(request, done)
        control.announce(topic)
    return redirect(_back(request, back))


def _back(request: HttpRequest, default: str) -> str:
    """Go back to the page of this site that the form came from."""
    wanted = request.POST.get("next", "")
    return wanted if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else default
