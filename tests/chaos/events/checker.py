"""The independent checker: what was published, what Events has stored, and what took effect, compared row by row.

It knows nothing of the code it judges: it is given rows as they stand in the databases. The ledger of what was
published is written by a trigger on the outbox (`tests.chaos.events.stores`), so it has all that was committed, and
outlives the rows of the outbox.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

KINDS = ("lost", "twice", "out of order", "altered", "invented")


@dataclass(frozen=True)
class Fact:
    """An event, wherever it was found. `body` is its data as canonical JSON."""

    id: str
    type: str
    aggregate: str
    sequence: int
    body: str


@dataclass(frozen=True)
class Effect:
    """What an applied event has left, in order of `position`; `seen` is the last sequence its reaction found."""

    position: int
    fact: Fact
    seen: int


@dataclass
class Verdict:
    """The faults of each kind: where, and which."""

    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    @property
    def is_clean(self):
        return not any(self.faults.values())

    def __str__(self):
        counts = ", ".join(f"{kind} {len(found)}" for kind, found in self.faults.items())
        return "\n  ".join([counts, *(f"{kind}: {each}" for kind, found in self.faults.items() for each in found[:10])])


def judge(
    published: Sequence[Fact],
    told: Iterable[tuple[str, int]],
    log: Sequence[Fact],
    effects: Mapping[str, Sequence[Effect]],
) -> Verdict:
    """Compare. `told` are (aggregate, version) that a client was told to be committed; `effects` are by subscriber."""
    verdict = Verdict()
    _check_published(verdict, published, told)
    _compare(verdict, "the event log", published, log)
    for subscriber, found in effects.items():
        _compare(verdict, subscriber, published, [each.fact for each in found])
        _check_order(verdict, subscriber, found)
    return verdict


def _check_published(verdict: Verdict, published: Sequence[Fact], told: Iterable[tuple[str, int]]) -> None:
    """What a client was told is an event, and the sequences of an aggregate have neither gap nor double."""
    known = {(fact.aggregate, version_of(fact)) for fact in published}
    verdict.faults["lost"] += [f"the outbox: version {each[1]} of {each[0]}" for each in told if each not in known]
    for aggregate, sequences in _sequences(published).items():
        if sorted(sequences) != list(range(1, len(sequences) + 1)):
            verdict.faults["out of order"].append(f"the outbox: {aggregate} has {sequences}")


def _compare(verdict: Verdict, where: str, published: Sequence[Fact], found: Sequence[Fact]) -> None:
    wanted = {fact.id: fact for fact in published}
    times = Counter(fact.id for fact in found)
    verdict.faults["lost"] += [f"{where}: {wanted[each]}" for each in wanted if each not in times]
    verdict.faults["twice"] += [f"{where}: {each}, {count} times" for each, count in times.items() if count > 1]
    verdict.faults["invented"] += [f"{where}: {fact}" for fact in found if fact.id not in wanted]
    verdict.faults["altered"] += [
        f"{where}: {fact}, was {wanted[fact.id]}" for fact in found if fact != wanted.get(fact.id, fact)
    ]


def _check_order(verdict: Verdict, subscriber: str, effects: Sequence[Effect]) -> None:
    """Each effect of an aggregate has the next sequence, and its reaction has seen the one before it."""
    last: dict[str, int] = defaultdict(int)
    for effect in sorted(effects, key=lambda each: each.position):
        fact = effect.fact
        if not fact.sequence - 1 == last[fact.aggregate] == effect.seen:
            before = f"after {last[fact.aggregate]}, and saw {effect.seen}"
            verdict.faults["out of order"].append(f"{subscriber}: {fact.sequence} of {fact.aggregate} came {before}")
        last[fact.aggregate] = fact.sequence


def _sequences(facts: Iterable[Fact]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        found[fact.aggregate].append(fact.sequence)
    return found


def version_of(fact: Fact) -> int:
    """Give the version of the object that the fact is about."""
    version: int = json.loads(fact.body)["version"]
    return version
