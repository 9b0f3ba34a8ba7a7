"""Accounts of users: one class per URL under /v1/users. Sign-in is in `signin`, what is for services in `internal`."""

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from auth_svc.accounts import selectors
from auth_svc.accounts.api import serializers as shapes
from auth_svc.accounts.api.access import SignedIn
from auth_svc.accounts.api.devices import device_of
from auth_svc.accounts.services import passwords, users
from libs.webapi.access import Public
from libs.webapi.views import View


class Register(View):
    """New accounts."""

    access = Public()
    idempotent = True

    @extend_schema(operation_id="register", request=shapes.RegisterIn, responses={201: shapes.UserOut})
    def post(self, request: Request) -> Response:
        """Make an account."""
        body = self.body(shapes.RegisterIn)
        user = users.user_register(
            email=body["email"],
            password=body["password"],
            display_name=body.get("display_name", ""),
            timezone=body.get("timezone", "UTC"),
            locale=body.get("locale", "en"),
        )
        return self.created(shapes.user_data(user), location="/v1/users/me", etag=shapes.user_etag(user))


class Me(View):
    """The caller's own account."""

    access = SignedIn("account", pats_may=(*SAFE_METHODS, "PATCH"))

    @extend_schema(operation_id="get_me", responses=shapes.UserOut)
    def get(self, request: Request) -> Response:
        """Show the account."""
        user = selectors.account(self.principal)
        return self.ok(shapes.user_data(user), etag=shapes.user_etag(user))

    @extend_schema(operation_id="update_me", request=shapes.UserPatchIn, responses=shapes.UserOut)
    def patch(self, request: Request) -> Response:
        """Change name, time zone or language."""
        body = self.body(shapes.UserPatchIn, partial=True)
        user = users.user_update(
            user=selectors.account(self.principal),
            values=body,
            guard=self.guard(shapes.user_etag, shapes.user_data),
        )
        return self.ok(shapes.user_data(user), etag=shapes.user_etag(user))

    @extend_schema(operation_id="delete_me", request=shapes.UserDeleteIn, responses={202: shapes.EraseOut})
    def delete(self, request: Request) -> Response:
        """Sign out everywhere, end personal access tokens, and erase the account.

        The body is `{"password": "…", "erase": "now" | "later"}`; `later`, the default, leaves time to take it back.
        Personal access tokens may not do this.
        """
        body = self.body(shapes.UserDeleteIn)
        erase_at = users.user_delete(
            user=selectors.account(self.principal),
            password=body["password"],
            at_once=body["erase"] == "now",
            device=device_of(self),
        )
        return self.accepted({"erase_at": erase_at})


class Keep(View):
    """The way back from a planned erasure."""

    access = SignedIn("account")

    @extend_schema(operation_id="keep_me", request=None, responses=shapes.UserOut)
    def post(self, request: Request) -> Response:
        """Take the deletion of the account back. Personal access tokens may not do this."""
        self.nothing()
        user = users.user_keep(user=selectors.account(self.principal))
        return self.ok(shapes.user_data(user), etag=shapes.user_etag(user))


class PasswordChange(View):
    """The password."""

    access = SignedIn("account")
    idempotent = False

    @extend_schema(operation_id="change_password", request=shapes.PasswordChangeIn, responses={204: None})
    def post(self, request: Request) -> Response:
        """Change the password; all other sessions end, personal access tokens stay and may not do this."""
        body = self.body(shapes.PasswordChangeIn)
        passwords.password_change(
            user=selectors.account(self.principal),
            current=body["current_password"],
            new=body["new_password"],
            session_id=self.principal.session_id,
            device=device_of(self),
        )
        return self.no_content()
