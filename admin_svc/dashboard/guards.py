"""The Registry's guards against mistakes of its own, in words for people."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """Why what the Registry says of a service is in doubt: a tag, and a sentence about `{services}`."""

    tag: str
    sentence: str

    def about(self, services: str) -> str:
        """Say the sentence about certain services."""
        return self.sentence.format(services=services)


#: By their names in the Registry's answers.
GUARDS = {
    "warm_up": Guard("warming up", "The Registry has just started: for one lease nobody is evicted ({services})."),
    "stall": Guard(
        "stood still", "The Registry stood still: for one lease nobody is evicted for silence ({services})."
    ),
    "mass_loss": Guard(
        "mass loss",
        "Many instances of {services} fell silent at once: the Registry evicts only some at a time.",
    ),
    "unsynced": Guard(
        "unsynced",
        "The Registry can't read its shared database: what other registries know is missing ({services}).",
    ),
}
UNNAMED = Guard(
    "degraded", "The Registry is degraded for {services}: it keeps instances whose leases it can't judge yet."
)


def guards_of(names: Collection[str]) -> tuple[Guard, ...]:
    """Give the guards of a degraded service; the general one where none that is known here is named."""
    return tuple(guard for name, guard in GUARDS.items() if name in names) or (UNNAMED,)
