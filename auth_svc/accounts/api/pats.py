"""Personal access tokens: one class per URL under /v1/auth/pats."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from auth_svc.accounts import selectors
from auth_svc.accounts.api import serializers as shapes
from auth_svc.accounts.api.access import SignedIn
from auth_svc.accounts.services import pats
from libs.webapi.serializers import Query
from libs.webapi.views import View


class PatCollection(View):
    """The caller's tokens."""

    access = SignedIn("account")
    idempotent = False
    Params = Query

    @extend_schema(operation_id="list_pats", parameters=[Query], responses=shapes.PatPage)
    def get(self, request: Request) -> Response:
        """List personal access tokens that hold, the newest first. Personal access tokens may not do this."""
        user = selectors.account(self.principal)
        return self.page(selectors.live_pats(user.id), keys=("-id",), render=shapes.pat_data)

    @extend_schema(operation_id="create_pat", request=shapes.PatIn, responses={201: shapes.PatCreatedOut})
    def post(self, request: Request) -> Response:
        """Make a personal access token, for a program that acts for you.

        `token` is shown in this answer and never again. Send it as `Authorization: Bearer mtp_…` in place of an access
        token. It may do what its `scopes` say and is independent of sessions: signing out or a new password do not end
        it. It ends at `expires_at` (left out: never), when it is deleted or revoked, and with the account.

        With the scope `account` it may read and change your profile, and nothing more: tokens, sessions, password and
        the account's end are for who has signed in; a personal access token gets 403 `session_required`.

        `Idempotency-Key` is not heeded, because the answer is a credential: where it was lost, delete that token. More
        than 50 tokens are 409 `too_many_pats`; scopes that you do not have yourself are 422 `scope_not_granted`.
        """
        body = self.body(shapes.PatIn)
        pat, token = pats.pat_create(
            principal=self.principal, name=body["name"], scopes=body["scopes"], expires_at=body.get("expires_at")
        )
        answer = self.created({**shapes.pat_data(pat), "token": token}, location=f"/v1/auth/pats/{pat.id}")
        answer["Cache-Control"] = "no-store"
        return answer


class PatItem(View):
    """One token of the caller."""

    access = SignedIn("account")

    @extend_schema(operation_id="get_pat", responses=shapes.PatOut)
    def get(self, request: Request, token_id: UUID) -> Response:
        """Show a personal access token, without the token itself. Personal access tokens may not do this."""
        user = selectors.account(self.principal)
        return self.ok(shapes.pat_data(selectors.pat(user.id, token_id)))

    @extend_schema(operation_id="delete_pat", request=None, responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """End a personal access token: within a second it is refused. Personal access tokens may not do this.

        Whoever holds a token can end it without signing in, by `POST /v1/auth/token/revoke`.
        """
        user = selectors.account(self.principal)
        pats.pat_end(user_id=user.id, token_id=token_id, reason="deleted_by_user")
        return self.no_content()
