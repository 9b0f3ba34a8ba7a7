"""System checks of the gateway's own settings."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from gateway_svc.routing.cors import is_origin
from gateway_svc.routing.forwarding import TrustedProxies
from gateway_svc.routing.policies import parse_overrides
from gateway_svc.routing.rates import configured_rates


@register
def proxies_are_networks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Trusted proxies are addresses or networks."""
    try:
        TrustedProxies(settings.TRUSTED_PROXIES)
    except ValueError as error:
        return [Error(f"MT_GATEWAY_TRUSTED_PROXIES: {error}", id="gateway.E001")]
    return []


@register
def origins_are_origins(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """CORS origins are written as browsers send them, without a path."""
    wrong = [origin for origin in settings.CORS_ORIGINS if origin != "*" and not is_origin(origin)]
    return [
        Error(f"MT_CORS_ORIGINS: {origin!r} is no origin such as https://example.org", id="gateway.E002")
        for origin in wrong
    ]


@register
def tokens_have_an_address(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Access tokens are demanded from somebody, for somebody."""
    empty = [name for name in ("TOKEN_ISSUER", "TOKEN_AUDIENCE") if not getattr(settings, name).strip()]
    return [Error(f"MT_{name}: must not be empty", id="gateway.E003") for name in empty]


@register
def services_get_what_there_is(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """What services get in place of what they declare is a JSON object with known keys."""
    try:
        parse_overrides(settings.GATEWAY_SERVICES)
    except ValueError as error:
        return [Error(f"MT_GATEWAY_SERVICES: {error}", id="gateway.E004")]
    return []


@register
def rates_are_rates(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Rate limits are written as counts per time."""
    try:
        configured_rates()
    except ValueError as error:
        return [Error(str(error), id="gateway.E005")]
    return []
