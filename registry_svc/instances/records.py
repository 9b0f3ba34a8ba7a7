"""Record: one instance as the Registry holds it in memory, and the rules of its state.

            ready: false                         drain / maintenance
   starting ────────────▶ up ◀──────────────────▶ draining, maintenance
                resume    │                            resume
                          ▼  lease lost, or `fall` failed checks
                         down ──▶ back to the desired state: lease held again, `rise` good checks, and not damped

The state is `down` while the lease is lost, the health is bad or the instance is damped, else the desired one.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from libs.discovery.model import Instance, LastCheck, Load, Registration, State, Visibility
from registry_svc.instances.store import Saved

#: The time in which changes between up and down are counted (seconds).
FLAP_WINDOW = 60.0


class Holder(Protocol):
    """The stream that an instance's beats come by."""

    def wake(self) -> None:
        """Tell the instance now what is wanted of it; from any thread."""


@dataclass(slots=True)
class Record:
    """A mutable record; the Catalog's lock guards it. Times without a date are of the monotonic clock.

    `adopted`: the lease was another Registry's, which is gone, and no beat has come here yet.
    """

    registration: Registration
    visibility: Visibility
    registered_at: datetime
    desired: State
    lease_expires: float
    owner: str = ""
    lease_held: bool = True
    holder: Holder | None = None
    adopted: bool = False
    healthy: bool = True
    failures: int = 0
    passes: int = 0
    load: Load = field(default_factory=Load)
    last_check: LastCheck | None = None
    up_since: float | None = None
    down_since: float | None = None
    changed_at: float = float("-inf")
    damped_until: float | None = None
    flaps: deque[float] = field(default_factory=deque)

    @property
    def state(self) -> State:
        """Give the state that callers see."""
        return self.desired if self.lease_held and self.healthy and not self.damped else "down"

    @property
    def damped(self) -> bool:
        """Tell whether it is held down because it went up and down too often."""
        return self.damped_until is not None

    @property
    def returning(self) -> bool:
        """Tell whether it is on its way back from down, so that the next check should come soon."""
        return self.lease_held and not self.healthy and self.failures == 0

    def renew(self, *, expires: float, load: Load, holder: Holder | None) -> None:
        """Take a beat. After a lost lease the health must prove itself again."""
        if not self.lease_held:
            self.lease_held, self.healthy = True, False
            self.failures = self.passes = 0
        self.lease_expires, self.load, self.holder, self.adopted = expires, load, holder, False

    def lose_lease(self) -> None:
        """Note that nobody holds the lease any more."""
        self.lease_held, self.holder, self.load, self.adopted = False, None, Load(), False

    def take_check(self, check: LastCheck) -> None:
        """Count the result of a health check."""
        self.last_check = check
        health = self.registration.health
        if check.status == "critical":
            self.failures, self.passes = self.failures + 1, 0
            self.healthy = self.healthy and self.failures < health.fall
        else:
            self.failures, self.passes = 0, self.passes + 1
            self.healthy = self.healthy or self.passes >= health.rise

    def damp(self, before: str, now: float, most: int) -> None:
        """Count a change between down and anything else; with `most` of them in a minute, the next rise has to wait."""
        if (before == "down") == (self.state == "down"):
            return
        while self.flaps and self.flaps[0] <= now - FLAP_WINDOW:
            self.flaps.popleft()
        if most and before == "down" and len(self.flaps) >= most:
            self.damped_until = self.flaps[0] + FLAP_WINDOW
        else:
            self.flaps.append(now)

    def settle(self, now: float) -> None:
        """Note since when it is up, or down."""
        state = self.state
        self.up_since = (now if self.up_since is None else self.up_since) if state == "up" else None
        self.down_since = (now if self.down_since is None else self.down_since) if state == "down" else None

    def signature(self) -> tuple[object, ...]:
        """Give what watchers want to hear about when it changes."""
        check = self.last_check.status if self.last_check else None
        return (self.state, self.damped, self.registration, self.registered_at, check)

    def saved(self) -> Saved:
        """Give what is stored of it."""
        return Saved(
            self.registration, self.desired, self.state == "down", self.damped, self.owner, self.registered_at
        )  # fmt: skip

    def view(self, now: float) -> Instance:
        """Show the instance as it is at `now`."""
        mine = self.registration
        return Instance(
            type=mine.type,
            id=mine.id,
            incarnation=mine.incarnation,
            state=self.state,
            visibility=self.visibility,
            host=mine.host,
            http_port=mine.http_port,
            grpc_port=mine.grpc_port,
            address=self._address(),
            grpc_address=authority(mine.host, mine.grpc_port) if mine.grpc_port else "",
            routes=mine.routes,
            weight=mine.weight,
            zone=mine.zone,
            version=mine.version,
            metadata=mine.metadata,
            load=self.load,
            registered_at=self.registered_at,
            lease_expires_at=datetime.now(UTC) + timedelta(seconds=self.lease_expires - now),
            last_check=self.last_check,
            damped=self.damped,
        )

    def _address(self) -> str:
        mine = self.registration
        if mine.address and self.visibility == "public":
            return mine.address
        return f"http://{authority(mine.host, mine.http_port)}" if mine.http_port else ""


def authority(host: str, port: int) -> str:
    """Write host and port; an IPv6 address goes into brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
