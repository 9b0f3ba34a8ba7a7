"""A limit on wrong passwords per account and network.

An attempt is counted before the password is checked, so parallel guesses can't slip through; a right password clears
the count. The key holds the network, so nobody can lock others out of their account (only out of their own network).
"""

import ipaddress
import math
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from auth_svc.accounts import crypto
from auth_svc.accounts.errors import TooManyAttempts
from auth_svc.accounts.models import LoginAttempts


def attempt_count(*, account: str, ip: str) -> str:
    """Count an attempt and give its key; TooManyAttempts where the window has none left. It ends when it was to end."""
    key = crypto.digest(f"{account}\0{network(ip)}")
    at = now()
    window_ends_at = at + timedelta(seconds=settings.LOGIN_WINDOW_SECONDS)
    with transaction.atomic():
        attempts, _ = LoginAttempts.objects.select_for_update().get_or_create(
            key=key, defaults={"window_ends_at": window_ends_at}
        )
        if attempts.window_ends_at <= at:
            attempts.count, attempts.window_ends_at = 0, window_ends_at
        if attempts.count >= settings.LOGIN_ATTEMPTS:
            raise TooManyAttempts(retry_after=math.ceil((attempts.window_ends_at - at).total_seconds()))
        attempts.count += 1
        attempts.save()
    return key


def attempts_clear(*, key: str) -> None:
    """Forget the attempts of `key`: the password was right. The row stays, for those who are about to lock it."""
    LoginAttempts.objects.filter(key=key).update(count=0)


def network(ip: str) -> str:
    """Give the network that stands for one client: the address itself, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
