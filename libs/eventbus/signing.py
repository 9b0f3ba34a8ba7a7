"""Batches and their signatures: what travels in a Celery task, and the proof of who sent it.

The broker is no authority: whoever can write to it still cannot make up a batch. The signature covers the exact text of
the payload, the task and the queue, so that a batch means nothing anywhere else.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings

from libs.identity.bundle import Bundle
from libs.identity.service_tokens import ServiceSigner, ServiceVerifier, TokenError, load_private_key


@dataclass(frozen=True, slots=True)
class Message:
    """A signed Celery task: `payload` is JSON text, `source` the service that signed it."""

    task: str
    queue: str
    source: str
    payload: str
    signature: str

    @staticmethod
    def sealed(task: str, queue: str, content: dict[str, Any]) -> "Message":
        """Make the message of this service that carries `content`."""
        return seal(_signer(), task, queue, content)

    def opened(self, *, only: str = "") -> dict[str, Any]:
        """Give the content; TokenError where its source did not sign it, is not `only`, or meant another service."""
        if only and self.source != only:
            raise TokenError(f"the message is from {self.source!r}, not from {only!r}")
        if self.queue not in settings.WORKER_QUEUES:
            raise TokenError(f"the message is for {self.queue!r}")
        _verifier().verify_signature(self.source, _signed(self.task, self.queue, self.payload), self.signature)
        return self.content

    @property
    def content(self) -> dict[str, Any]:
        """The content as it claims to be, unverified."""
        content: dict[str, Any] = json.loads(self.payload)
        return content

    @property
    def kwargs(self) -> dict[str, str]:
        """The arguments of the task."""
        return {"queue": self.queue, "source": self.source, "payload": self.payload, "signature": self.signature}


def seal(signer: ServiceSigner, task: str, queue: str, content: dict[str, Any]) -> Message:
    """Make the message of `signer`'s service."""
    payload = json.dumps(content, separators=(",", ":"))
    return Message(task, queue, signer.service, payload, signer.sign(_signed(task, queue, payload)))


def _signed(task: str, queue: str, payload: str) -> bytes:
    return f"{task}\n{queue}\n{payload}".encode()


@cache
def _signer() -> ServiceSigner:
    return ServiceSigner(settings.SERVICE, load_private_key(settings.KEYS_DIR / f"{settings.SERVICE}.pem"))


@cache
def _verifier() -> ServiceVerifier:
    return ServiceVerifier(Bundle.load(settings.KEYS_DIR / "services.json"), settings.SERVICE)
