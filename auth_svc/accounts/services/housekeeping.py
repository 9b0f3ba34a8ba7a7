"""What time does to the tables: due accounts and rows that say nothing any more are deleted."""

from django.utils.timezone import now

from auth_svc.accounts.models import LoginAttempts, PersonalToken, RefreshToken, Revocation, Session, SigningKey
from auth_svc.accounts.services import users


def sweep() -> int:
    """Erase due accounts, delete what has expired, and give the number of erased accounts."""
    erased = users.users_erase_due()
    expired_purge()
    return erased


def expired_purge() -> None:
    """Delete expired tokens, sessions, revocations and attempts, and keys whose last token is dead."""
    at = now()
    RefreshToken.objects.filter(expires_at__lte=at).delete()
    PersonalToken.objects.filter(expires_at__lte=at).delete()
    Session.objects.filter(expires_at__lte=at).delete()
    Revocation.objects.filter(expires_at__lte=at).delete()
    LoginAttempts.objects.filter(window_ends_at__lte=at).delete()
    SigningKey.objects.filter(retires_at__lte=at).delete()
