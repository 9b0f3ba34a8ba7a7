"""Record: one instance as the Registry holds it in memory, and the rules of its state.

            ready: false                         drain / maintenance
   starting ────────────▶ up ◀──────────────────▶ draining, maintenance
                resume    │                            resume
                          ▼  lease lost, or `FALL` failed checks
                         down ──▶ back to the desired state: lease held again and `RISE` good checks

The state is `down` while the lease is lost or the health is bad, else the desired one.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from libs.discovery.model import Instance, LastCheck, Registration, State, Visibility

#: So many failed checks in a row make an instance down, so many good ones bring it back.
FALL = 3
RISE = 2


@dataclass(slots=True)
class Record:
    """A mutable record; the Catalog's lock guards it. Times without a date are of the monotonic clock."""

    registration: Registration
    visibility: Visibility
    registered_at: datetime
    desired: State
    lease_expires: float
    lease_held: bool = True
    holder: object | None = None
    healthy: bool = True
    failures: int = 0
    passes: int = 0
    in_flight: int = 0
    last_check: LastCheck | None = None
    down_since: float | None = field(default=None)

    @property
    def state(self) -> State:
        """Give the state that callers see."""
        return self.desired if self.lease_held and self.healthy else "down"

    @property
    def returning(self) -> bool:
        """Tell whether it is on its way back from down, so that the next check should come soon."""
        return self.lease_held and not self.healthy and self.failures == 0

    def renew(self, *, expires: float, in_flight: int, holder: object | None) -> None:
        """Take a beat. After a lost lease the health must prove itself again."""
        if not self.lease_held:
            self.lease_held, self.healthy = True, False
            self.failures = self.passes = 0
        self.lease_expires, self.in_flight, self.holder = expires, in_flight, holder

    def lose_lease(self) -> None:
        """Note that nobody holds the lease any more."""
        self.lease_held, self.holder, self.in_flight = False, None, 0

    def take_check(self, check: LastCheck) -> None:
        """Count the result of a health check."""
        self.last_check = check
        if check.status == "critical":
            self.failures, self.passes = self.failures + 1, 0
            self.healthy = self.healthy and self.failures < FALL
        else:
            self.failures, self.passes = 0, self.passes + 1
            self.healthy = self.healthy or self.passes >= RISE

    def signature(self) -> tuple[object, ...]:
        """Give what watchers want to hear about when it changes."""
        check = self.last_check.status if self.last_check else None
        return (self.state, self.registration, self.registered_at, check)

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
            load_in_flight=self.in_flight,
            registered_at=self.registered_at,
            lease_expires_at=datetime.now(UTC) + timedelta(seconds=self.lease_expires - now),
            last_check=self.last_check,
        )

    def _address(self) -> str:
        mine = self.registration
        if mine.address and self.visibility == "public":
            return mine.address
        return f"http://{authority(mine.host, mine.http_port)}" if mine.http_port else ""


def authority(host: str, port: int) -> str:
    """Write host and port; an IPv6 address goes into brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
