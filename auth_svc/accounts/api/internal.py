"""What only services may ask: is this token active, whose is it, and what has ended."""

from rest_framework import serializers
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from auth_svc.accounts import selectors
from auth_svc.accounts.api import serializers as shapes
from auth_svc.accounts.services import pats
from libs.contracts.errors import BadRequest
from libs.webapi.access import Service
from libs.webapi.parsers import JSONParser
from libs.webapi.serializers import Query
from libs.webapi.views import View

MAX_CURSOR = 2**63 - 1


class Introspect(View):
    """RFC 7662."""

    access = Service("*")
    parser_classes = (JSONParser, FormParser)

    def post(self, request: Request) -> Response:
        """Tell whether a token holds, and for whom."""
        return Response(
            selectors.introspection(self.body(shapes.TokenIn)["token"]), headers={"Cache-Control": "no-store"}
        )


class Revocations(View):
    """Ended sessions and personal tokens, for gateways that hold tokens valid until they hear of it."""

    access = Service("gateway")

    class Params(Query):
        """The cursor of the answer before."""

        after = serializers.CharField(max_length=19, required=False)

    def get(self, request: Request) -> Response:
        """Give what ended since `after`; without it, all in which a gateway could still believe."""
        after = self.params().get("after")
        found = selectors.revocations(None if after is None else _cursor(after))
        return self.ok(
            {
                "sessions": [{"session_id": session_id} for session_id in found.session_ids],
                "pats": [{"token_id": token_id} for token_id in found.token_ids],
                "jwks_version": found.jwks_version,
                "cursor": str(found.cursor),
            }
        )


class Pat(View):
    """A personal token, asked for by the SHA-256 of it: the token itself does not leave the gateway."""

    access = Service("gateway")

    def get(self, request: Request, digest: str) -> Response:
        """Tell whose token it is and what it may do; 404 `unknown_token` where it does not hold."""
        pat = pats.pat_use(digest=digest)
        return Response(
            {
                "token_id": str(pat.id),
                "user_id": str(pat.user_id),
                "scopes": pat.scopes,
                "expires_at": pat.expires_at,
            },
            headers={"Cache-Control": "no-store"},
        )


def _cursor(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > MAX_CURSOR:
        raise BadRequest("the cursor is not one of ours", code="invalid_cursor")
    return int(text)
