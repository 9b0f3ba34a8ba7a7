"""Tokens of any kind, presented by whoever holds them."""

from auth_svc.accounts import selectors
from auth_svc.accounts.services import pats, sessions
from libs.identity import personal_tokens


def token_revoke(*, token: str) -> None:
    """End the session of a token, or the personal token itself (RFC 7009); one that nobody knows is no error."""
    session = selectors.session_of_token(token)
    if session is not None:
        sessions.sessions_end(user_id=session.user_id, reason="token_revoked", only=session.id)
        return
    pat = selectors.pat_by_digest(personal_tokens.digest(token))
    if pat is not None:
        pats.pats_end(user_id=pat.user_id, reason="token_revoked", only=pat.id)
