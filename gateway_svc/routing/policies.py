"""Policies: what each service gets at the gateway, as it declared and as this gateway's operator overrules it.

Of several instances with different declarations the newest counts, which is what a rollout brings. A declaration is
remembered when the last instance goes, as its routes are.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from libs.discovery import Directory
from libs.rpc.asgi import MAX_BODY
from libs.service import traffic
from libs.service.traffic import Rate, Traffic

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a service gets: seconds to answer, bytes of a body, requests at a time, requests of one user."""

    timeout: float = 15.0
    max_body: int = MAX_BODY
    max_in_flight: int = 256
    rate: Rate | None = None


class Policies:
    """Gives the policy of a service. Reads happen on the event loop, updates on the directory's thread."""

    def __init__(self, directory: Directory, defaults: Policy, overrides: Mapping[str, Traffic]) -> None:
        """Follow `directory`; `overrides` count more than what services declare, and `defaults` fill the rest."""
        self._directory = directory
        self._defaults = defaults
        self._overrides = overrides
        self._lock = threading.Lock()
        self._declared: dict[str, dict[str, str]] = {}
        self._policies = {service: replace(defaults, **mine) for service, mine in overrides.items()}
        directory.on_change(self.refresh)

    def of(self, service: str) -> Policy:
        """Give the policy of `service`, the same object until it changes."""
        return self._policies.get(service, self._defaults)

    def load(self) -> None:
        """Take all that the directory knows now."""
        for service in self._directory.services():
            self.refresh(service)

    def refresh(self, service: str) -> None:
        """Take the declaration of the newest instance, unless nobody is left to make one."""
        newest = max(self._directory.instances(service), key=lambda each: each.incarnation, default=None)
        if newest is None:
            return
        declared = traffic.from_metadata(newest.metadata)
        with self._lock:
            if declared == self._declared.get(service, {}):
                return
            self._declared[service] = declared
            known, wrong = traffic.read(declared)
            merged: Traffic = {**known, **self._overrides.get(service, {})}
            self._policies[service] = replace(self._defaults, **merged)
        if wrong:
            log.warning("wrong TRAFFIC is passed over", service_type=service, instance=newest.id, wrong=wrong)
        log.info("policy changed", service_type=service, declared=declared)


def parse_overrides(text: str) -> dict[str, Traffic]:
    """Read MT_GATEWAY_SERVICES, a JSON object {service: TRAFFIC}; ValueError says everything that is wrong in it."""
    try:
        document = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError('write an object of services, such as {"todo": {"timeout": 5}}')  # noqa: TRY004  (bad data)
    read = {service: traffic.read(declared) for service, declared in document.items()}
    wrong = [f"{service}: {each}" for service, (_, texts) in read.items() for each in texts]
    if wrong:
        raise ValueError("; ".join(wrong))
    return {service: found for service, (found, _) in read.items()}
