"""Policy: the numbers that an operator may change, made from the settings once."""

from dataclasses import dataclass

from django.conf import settings

#: A lease is lost after so many beats of silence: early enough that nobody uses a silent instance after three.
SILENCE = 2.75


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds, rates per second; see docs/configuration.md."""

    ttl: float = 3.0
    beats_per_second: int = 1000
    warm_up: float = 0.0
    stall: float = 0.5
    evict_percent: int = 15
    max_transitions: int = 6
    reap_after: float = 120.0
    checks_per_second: int = 200
    register_rate: float = 5.0
    watch_rate: float = 20.0
    history_days: int = 30
    slow_start: float = 10.0

    def heartbeat_every(self, leases: int) -> float:
        """Give the seconds between beats: a third of a lease, and more when so many leases would be too much work."""
        return max(self.ttl / 3, leases / self.beats_per_second)


def from_settings() -> Policy:
    """Take the policy from the settings."""
    return Policy(
        ttl=settings.LEASE_TTL,
        beats_per_second=settings.BEATS_PER_SECOND,
        warm_up=settings.WARM_UP_SECONDS,
        stall=settings.STALL_SECONDS,
        evict_percent=settings.EVICT_PERCENT,
        max_transitions=settings.MAX_TRANSITIONS,
        reap_after=settings.REAP_AFTER,
        checks_per_second=settings.CHECKS_PER_SECOND,
        register_rate=settings.REGISTER_RATE,
        watch_rate=settings.WATCH_RATE,
        history_days=settings.HISTORY_DAYS,
        slow_start=settings.SLOW_START_SECONDS,
    )
