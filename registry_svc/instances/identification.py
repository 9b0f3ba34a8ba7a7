"""Who calls: by the service token in `authorization`, over HTTP and gRPC. None: external; one that is wrong: 401."""

from libs.contracts.errors import Unauthenticated
from libs.identity.principal import Call, Caller
from libs.identity.service_tokens import ServiceVerifier, TokenError
from libs.rpc.messages import RawHeaders


class InvalidToken(Unauthenticated):
    """The service token does not verify."""

    code = "invalid_token"


class Identification:
    """Verifies the tokens that callers present."""

    def __init__(self, verifier: ServiceVerifier) -> None:
        """Verify with `verifier`, whose audience is the Registry."""
        self._verifier = verifier

    def caller(self, authorization: str) -> Caller:
        """Give the caller of an `authorization` value, which may be empty; InvalidToken."""
        if not authorization:
            return Caller()
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidToken("Present a service token as a bearer token.")
        try:
            return self._verifier.verify(token.strip())
        except TokenError as error:
            raise InvalidToken(f"The service token does not verify: {error}.") from error

    def call(self, headers: RawHeaders) -> Call:
        """Give the Call of an HTTP request."""
        return Call(self.caller(dict(headers).get(b"authorization", b"").decode("latin-1")))
