"""The base of all views: it parses, calls one service or selector, renders. The rules of the contract live here."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from libs.contracts.errors import BadRequest
from libs.identity.principal import Call, Caller, Principal
from libs.webapi import etags, idempotency, pages
from libs.webapi.access import Access, User
from libs.webapi.authentication import call_of, principal_of
from libs.webapi.serializers import DEFAULT_LIMIT, Nothing, Query, query_params, validated

M = TypeVar("M", bound=Model)
Guard = Callable[[Any], None]


class View(APIView):
    """One URL. Subclasses declare `access`, and `Params` where GET takes query parameters."""

    access: ClassVar[Access]
    #: The query parameters of GET; without it any query parameter is a 400.
    Params: ClassVar[type[Query] | None] = None
    #: Whether POST and PATCH heed Idempotency-Key. False where the answer carries a credential.
    idempotent: ClassVar[bool | None] = None

    _params: dict[str, Any] | None = None

    # -- who calls ---------------------------------------------------------------------------------------------

    @property
    def call(self) -> Call:
        """Where the request came from."""
        return call_of(self.request)

    @property
    def caller(self) -> Caller:
        """The program that calls."""
        return self.call.caller

    @property
    def principal(self) -> Principal:
        """The user on whose behalf the request is made; Unauthenticated where there is none."""
        return principal_of(self.call)

    @property
    def user_id(self) -> str:
        """The user's id."""
        return self.principal.user_id

    # -- what was sent -----------------------------------------------------------------------------------------

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check access and query names, and put an idempotent handler in front of the view's own."""
        super().initial(request, *args, **kwargs)
        if request.query_params and (request.method not in ("GET", "HEAD") or self.Params is None):
            name = next(iter(request.query_params))
            raise BadRequest(f"unknown query parameter {name!r}", code="unknown_parameter")
        key = idempotency.key_of(request) if self.heeds_keys else None
        if key is not None:
            self._make_idempotent(key)

    def body(
        self, serializer_class: type[serializers.Serializer[Any]], *, partial: bool = False, **context: Any
    ) -> dict[str, Any]:
        """Validate the JSON body; `partial` reads a merge patch (RFC 7396): only what was sent is in the result."""
        return validated(serializer_class, self.request.data, partial=partial, view=self, **context)

    def nothing(self) -> None:
        """Refuse a body with members."""
        self.body(Nothing)

    def params(self, serializer_class: type[Query] | None = None) -> dict[str, Any]:
        """Validate the query parameters, at the first time that somebody asks for them."""
        if self._params is None:
            self._params = query_params(serializer_class or self.Params or Query, self.request)
        return self._params

    def guard(self, etag: Callable[[Any], str], render: Callable[[Any], Any]) -> Guard:
        """Make the If-Match check that a service runs on the object it has locked, before it changes it."""
        return lambda obj: self.check_if_match(etag(obj), lambda: render(obj))

    def check_if_match(self, etag: str, current: Callable[[], Any]) -> None:
        """Refuse a stale If-Match; see `etags.check_if_match`."""
        etags.check_if_match(self.request, etag, current)

    # -- what is answered --------------------------------------------------------------------------------------

    def ok(self, data: Any, *, etag: str | None = None) -> Response:
        """Answer 200 with the object, or 304 to a GET that has it."""
        headers = {"ETag": etag} if etag else {}
        if etag and self.request.method in ("GET", "HEAD") and etags.not_modified(self.request, etag):
            return Response(status=304, headers=headers)
        return Response(data, headers=headers)

    def created(self, data: Any, *, location: str, etag: str | None = None) -> Response:
        """Answer 201 with the object and its address."""
        return Response(data, status=201, headers={"Location": location, **({"ETag": etag} if etag else {})})

    def accepted(self, data: Any) -> Response:
        """Answer 202: work goes on."""
        return Response(data, status=202)

    def no_content(self) -> Response:
        """Answer 204."""
        return Response(status=204)

    def page(
        self,
        queryset: QuerySet[M],
        *,
        keys: Sequence[str],
        render: Callable[[Any], Any],
        columns: Sequence[str] = (),
    ) -> Response:
        """Answer one keyset page of `queryset`; see `pages.page`."""
        cursor = self.params().get("cursor")
        return self.paged(
            pages.page(queryset, keys=keys, limit=self.limit, cursor=cursor, render=render, columns=columns)
        )

    def paged(self, page: pages.Page) -> Response:
        """Answer a page."""
        body = {"items": page.items, "next_cursor": page.next_cursor}
        return Response(body, headers=page.link(self.request))

    @property
    def limit(self) -> int:
        """How many rows a page has."""
        limit: int = self.params().get("limit", DEFAULT_LIMIT)
        return limit

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Name the methods."""
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    # -- idempotency -------------------------------------------------------------------------------------------

    @property
    def heeds_keys(self) -> bool:
        """Whether POST and PATCH heed Idempotency-Key."""
        return isinstance(self.access, User) if self.idempotent is None else self.idempotent

    def _make_idempotent(self, key: str) -> None:
        name = (self.request.method or "").lower()
        handler = getattr(self, name, self.http_method_not_allowed)

        def once(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return idempotency.run(key, request, lambda: handler(request, *args, **kwargs))

        setattr(self, name, once)
