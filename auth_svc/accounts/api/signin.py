"""Signing in and out, sessions and tokens: one class per URL under /v1/auth, and the public keys."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from auth_svc.accounts import selectors
from auth_svc.accounts.api import serializers as shapes
from auth_svc.accounts.api.access import SignedIn
from auth_svc.accounts.api.devices import device_of
from auth_svc.accounts.services import keys, login, sessions, tokens
from libs.webapi.access import Public
from libs.webapi.parsers import JSONParser
from libs.webapi.serializers import Query
from libs.webapi.views import View

KEYS_MAX_AGE = 300


class CredentialView(View):
    """The answer carries a credential: it is never stored, by nobody (RFC 6749 § 5.1)."""

    access = Public()
    idempotent = False

    def answer(self, grant: sessions.Grant) -> Response:
        """Answer with a grant."""
        return Response(shapes.grant_data(grant), headers={"Cache-Control": "no-store"})


class Login(CredentialView):
    """Sign-in."""

    @extend_schema(operation_id="login", request=shapes.LoginIn, responses=shapes.GrantOut)
    def post(self, request: Request) -> Response:
        """Begin a session with address and password."""
        body = self.body(shapes.LoginIn)
        return self.answer(login.user_login(email=body["email"], password=body["password"], device=device_of(self)))


class Refresh(CredentialView):
    """Rotation of refresh tokens."""

    @extend_schema(operation_id="refresh_token", request=shapes.RefreshIn, responses=shapes.GrantOut)
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for its successor and a new access token."""
        body = self.body(shapes.RefreshIn)
        return self.answer(login.session_refresh(token=body["refresh_token"], device=device_of(self)))


class Revoke(View):
    """RFC 7009."""

    access = Public()
    idempotent = False
    parser_classes = (JSONParser, FormParser)

    @extend_schema(operation_id="revoke_token", request=shapes.TokenIn, responses={200: None})
    def post(self, request: Request) -> Response:
        """End the session of a token, or a personal access token; unknown tokens are no error."""
        tokens.token_revoke(token=self.body(shapes.TokenIn)["token"])
        return Response(status=200)


class Logout(View):
    """The end of the caller's session."""

    access = SignedIn("account")

    @extend_schema(operation_id="logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out here. Personal access tokens may not do this, and stay."""
        self.nothing()
        sessions.sessions_end(user_id=self.user_id, reason="logout", only=self.principal.session_id)
        return self.no_content()


class LogoutAll(View):
    """The end of all sessions of the caller."""

    access = SignedIn("account")

    @extend_schema(operation_id="logout_all", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out everywhere. Personal access tokens may not do this, and stay."""
        self.nothing()
        user = selectors.account(self.principal)
        sessions.sessions_end(user_id=user.id, reason="logout_all")
        return self.no_content()


class SessionCollection(View):
    """The devices on which the caller is signed in."""

    access = SignedIn("account")
    Params = Query

    @extend_schema(operation_id="list_sessions", parameters=[Query], responses=shapes.SessionPage)
    def get(self, request: Request) -> Response:
        """List live sessions, the newest first. Personal access tokens may not do this."""
        user = selectors.account(self.principal)
        own = self.principal.session_id
        live = selectors.live_sessions(user.id)
        return self.page(live, keys=("-id",), render=lambda session: shapes.session_data(session, own))


class SessionItem(View):
    """One session of the caller."""

    access = SignedIn("account")

    @extend_schema(operation_id="end_session", request=None, responses={204: None})
    def delete(self, request: Request, session_id: UUID) -> Response:
        """Sign out on another device. Personal access tokens may not do this."""
        user = selectors.account(self.principal)
        sessions.session_end(user_id=user.id, session_id=session_id, reason="ended_by_user")
        return self.no_content()


class Jwks(View):
    """The public keys of access tokens."""

    access = Public()

    @extend_schema(operation_id="get_jwks", responses=shapes.JwksOut)
    def get(self, request: Request) -> Response:
        """Show the current and the next key, and previous ones while their tokens live."""
        keys.keys_ensure()
        document: dict[str, Any] = {"keys": [key.public_jwk for key in selectors.published_keys()]}
        return Response(document, headers={"Cache-Control": f"public, max-age={KEYS_MAX_AGE}"})
