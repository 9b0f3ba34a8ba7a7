"""DRF authentication that takes the `Call` from the environ, where the bridge or the HTTP door has put it."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from libs.contracts.errors import Unauthenticated
from libs.identity.principal import ENVIRON_KEY, Call, Principal


def call_of(request: Request) -> Call:
    """Give the Call of a request; one without any is external and anonymous."""
    call = request.META.get(ENVIRON_KEY)
    return call if isinstance(call, Call) else Call()


def principal_of(call: Call) -> Principal:
    """Give the user of a call; Unauthenticated, which says what is wrong with the token, where there is none."""
    if call.principal is None:
        raise Unauthenticated(call.token_error, code="invalid_token" if call.token_error else None)
    return call.principal


class CallAuthentication(BaseAuthentication):
    """Makes the Principal the request's user, and the Call its `auth`."""

    def authenticate(self, request: Request) -> tuple[Principal | None, Call]:
        """Never refuses: whether a principal is needed is the view's to declare."""
        call = call_of(request)
        return call.principal, call

    def authenticate_header(self, request: Request) -> str:
        """Give the challenge of a 401."""
        return "Bearer"
