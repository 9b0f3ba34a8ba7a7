"""What a personal access token may not do, whatever its scopes: that takes somebody who has signed in."""

from collections.abc import Iterable

from auth_svc.accounts.errors import SessionRequired
from libs.identity.principal import Call
from libs.webapi.access import User
from libs.webapi.authentication import principal_of


class SignedIn(User):
    """A user with a session and the scope. With a personal token only the methods of `pats_may` work."""

    def __init__(self, scope: str, *, pats_may: Iterable[str] = ()) -> None:
        """Take the scope for all methods, and the methods that personal tokens may use."""
        super().__init__(scope)
        self.pats_may = frozenset(pats_may)

    def check(self, call: Call, method: str) -> None:
        """Refuse without a principal (401), then personal tokens, then those without the scope (403)."""
        if not principal_of(call).session_id and method not in self.pats_may:
            raise SessionRequired
        super().check(call, method)
