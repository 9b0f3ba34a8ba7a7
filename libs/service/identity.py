"""This process's identity, made from settings once: its key, the bundle, and what verifies other services."""

from functools import cache

from django.conf import settings

from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceSigner, ServiceVerifier, load_private_key


@cache
def bundle() -> Bundle:
    """Give the bundle of all services; BundleError where it can't be read."""
    return Bundle.load(settings.KEYS_DIR / "services.json")


@cache
def signer() -> ServiceSigner:
    """Give the signer of this service; KeyFileError where its key can't be read."""
    return ServiceSigner(settings.SERVICE, load_private_key(settings.KEYS_DIR / f"{settings.SERVICE}.pem"))


@cache
def verifier() -> ServiceVerifier:
    """Give the verifier of tokens addressed to this service."""
    return ServiceVerifier(bundle(), settings.SERVICE)
