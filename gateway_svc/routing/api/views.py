"""The merged OpenAPI document and the explorer. They are the same for everybody and need no database."""

import functools
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gateway_svc.routing.api import assets
from gateway_svc.routing.documents import MergedDocument
from gateway_svc.routing.errors import MethodNotAllowed
from libs.contracts.errors import NotFound, ServiceError
from libs.discovery import directory
from libs.webapi.problem import plain_response

POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"

Page = Callable[..., HttpResponse]


def page(view: Page) -> Page:
    """Let a view be read only, and answer its ServiceErrors as problems."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, **kwargs: str) -> HttpResponse:
        try:
            if request.method not in ("GET", "HEAD"):
                raise MethodNotAllowed
            return view(request, **kwargs)
        except ServiceError as error:
            answer = plain_response(error, request)
        if answer.status_code == 405:
            answer["Allow"] = "GET, HEAD"
        return answer

    return guarded


@cache
def merged_document() -> MergedDocument:
    """Give the document of this process's directory."""
    return MergedDocument(directory(), version=settings.VERSION)


@page
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer the OpenAPI document of all services."""
    document = merged_document().current()
    return _cached(request, document.body, "application/json", document.etag)


@page
def explorer(request: HttpRequest) -> HttpResponse:
    """Show the explorer."""
    return asset(request, name="index.html")


@page
def asset(request: HttpRequest, name: str) -> HttpResponse:
    """Give a file of the explorer."""
    found = assets.find(name)
    if found is None:
        raise NotFound
    answer = _cached(request, found.body, found.content_type, found.etag)
    answer["Content-Security-Policy"] = POLICY
    return answer


def _cached(request: HttpRequest, body: bytes, content_type: str, etag: str) -> HttpResponse:
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if etag in known:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(body, content_type=content_type, headers=headers)
