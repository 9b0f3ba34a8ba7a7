"""System checks of what all services share: a wrong key, address or view stops the start with a line that names it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver

from libs.discovery.model import ADDRESS, INSTANCE_ID
from libs.identity.bundle import BundleError
from libs.identity.service_tokens import KeyFileError
from libs.service import traffic
from libs.service.identity import bundle, signer
from libs.webapi.access import Access

MIN_SECRET = 50
MAX_PORT = 65535
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


@register
def secret_is_strong(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """SECRET_KEY is given and long; there is no default."""
    with suppress(ImproperlyConfigured):  # Django's word for an empty one, which names no variable
        if len(settings.SECRET_KEY) >= MIN_SECRET:
            return []
    where = settings.KEYS_DIR / f"{settings.SERVICE}.secret"
    return [Error(f"MT_SECRET_KEY or {where}: a secret of at least {MIN_SECRET} characters is needed", id="mt.E001")]


@register
def identity_holds(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The service's key is there and is the one the bundle knows; its routes are allowed."""
    try:
        entry = bundle().get(settings.SERVICE)
        public = signer().public_key
    except (BundleError, KeyFileError) as error:
        return [Error(str(error), id="mt.E002")]
    if entry is None or public.public_bytes_raw() not in {key.public_bytes_raw() for key in entry.keys}:
        return [Error(f"{settings.KEYS_DIR}/services.json does not know the key of {settings.SERVICE}", id="mt.E003")]
    wrong = [route for route in settings.ROUTES if not entry.allows_route(route)]
    return [Error(f"ROUTES: the service bundle does not allow {route}", id="mt.E004") for route in wrong]


@register
def addresses_are_addresses(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Addresses have their forms."""
    wrong = [
        f"MT_REGISTRY_ADDRESSES: {each!r} is not host:port"
        for each in settings.REGISTRY_ADDRESSES
        if not _is_address(each)
    ]
    wrong += [
        f"MT_REGISTRY_URLS: {url!r} is not an http address"
        for url in settings.REGISTRY_URLS
        if not url.startswith(("http://", "https://"))
    ]
    if not settings.REGISTRY_ADDRESSES:
        wrong.append("MT_REGISTRY_ADDRESSES: at least one address is needed")
    if settings.PUBLIC_ADDRESS and not ADDRESS.fullmatch(settings.PUBLIC_ADDRESS):
        wrong.append(f"MT_PUBLIC_ADDRESS: {settings.PUBLIC_ADDRESS!r} is not http:// or https:// with a host")
    if settings.REDIS_URL and not settings.REDIS_URL.startswith(REDIS_SCHEMES):
        wrong.append(f"MT_REDIS_URL: it begins with {', '.join(REDIS_SCHEMES)}")
    return [Error(each, id="mt.E005") for each in wrong]


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) <= MAX_PORT


@register
def instance_is_named(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The instance's id is one that the Registry takes."""
    if INSTANCE_ID.fullmatch(settings.INSTANCE):
        return []
    return [Error(f"MT_INSTANCE: {settings.INSTANCE!r} is not 1 to 63 of a-z, 0-9 and -", id="mt.E006")]


@register
def traffic_is_right(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """What the service asks of the gateway is what a gateway can give."""
    _, wrong = traffic.read(settings.TRAFFIC)
    return [Error(f"TRAFFIC: {each}", id="mt.E010") for each in wrong]


def broker_is_named() -> list[CheckMessage]:
    """Check that a process with events has a broker; not registered, as `migrate` and `token` do without."""
    if (apps.is_installed("libs.eventbus") or settings.WORKER_QUEUES) and not settings.BROKER_URL:
        return [Error("MT_BROKER_URL: a broker address is needed", id="mt.E008")]
    return []


@register
def views_declare_access(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Each API view says who may call it: Public, User or Service."""
    if not hasattr(settings, "ROOT_URLCONF"):
        return []
    found: list[CheckMessage] = []
    for pattern in _patterns(get_resolver().url_patterns):
        view = getattr(pattern.callback, "cls", None)
        if view is not None and not isinstance(getattr(view, "access", None), Access):
            found.append(Error(f"{view.__module__}.{view.__name__} declares no access", id="mt.E009"))
    return found


def _patterns(patterns: Sequence[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns)
        else:
            yield pattern
