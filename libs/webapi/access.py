"""Who may call a view: each declares exactly one of Public, User and Service in its `access` attribute.

A request with a route comes from outside, through the gateway: views for services answer it 404. A system check
(`libs.service.checks`) refuses to start a service with a view that declares nothing.
"""

from dataclasses import dataclass
from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from libs.contracts.errors import NotFound, PermissionDenied, Unauthenticated
from libs.identity.principal import Call
from libs.webapi.authentication import call_of, principal_of


class Access:
    """The base of the three declarations."""

    def check(self, call: Call, method: str) -> None:
        """Raise the ServiceError of a caller who may not use `method`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Public(Access):
    """Anybody, from outside or inside."""

    def check(self, call: Call, method: str) -> None:
        """Let everybody pass."""


class User(Access):
    """A signed-in user whose token has the scope: `read` for GET and HEAD, `write` for the rest."""

    def __init__(self, scope: str = "", *, read: str = "", write: str = "") -> None:
        """Take one scope for all methods, or one each for reading and writing."""
        self.read = read or scope
        self.write = write or scope

    def check(self, call: Call, method: str) -> None:
        """Refuse without a principal (401) or without the scope (403)."""
        principal = principal_of(call)
        needed = self.scope(method)
        if needed and needed not in principal.scopes:
            raise PermissionDenied(f"the token lacks the scope {needed}", code="insufficient_scope")

    def scope(self, method: str) -> str:
        """Give the scope that `method` needs."""
        return self.read if method in SAFE_METHODS else self.write


class Service(Access):
    """Certain services, called from inside only; `*` stands for any service."""

    def __init__(self, *callers: str) -> None:
        """Name the service types that may call."""
        self.callers = frozenset(callers)

    def check(self, call: Call, method: str) -> None:
        """Answer outsiders 404, anonymous insiders 401, and other services 403."""
        if call.route:
            raise NotFound
        if call.caller.kind == "external":
            raise Unauthenticated("a service token is needed")
        if "*" not in self.callers and call.caller.service not in self.callers:
            raise PermissionDenied(f"{call.caller.service} may not call this", code="caller_not_permitted")


class Declared(BasePermission):
    """The DRF permission that carries out the view's declaration."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raise the declaration's refusal; a view without one refuses everybody."""
        access = getattr(view, "access", None)
        if not isinstance(access, Access):
            raise PermissionDenied("this view declares no access")
        access.check(call_of(request), request.method or "GET")
        return True
