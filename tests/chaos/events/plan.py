"""What is done to the system, and when: all of it follows from the seed."""

import random
from dataclasses import dataclass

PUBLISHERS = ("todo-1", "todo-2")
EVENTS = ("events-1", "events-2")
#: Worker groups: which processes serve a subscriber.
GROUPS = {"auth": ("auth-1", "auth-2"), "logger": ("logger-1",), "admin": ("admin-1",)}
WORKERS = tuple(name for group in GROUPS.values() for name in group)
NAMES = PUBLISHERS + EVENTS + WORKERS

LOCKED = 10.0
#: The pause between two of the small deeds (seconds, from and to), and how long something stands still.
PAUSE = (1.5, 4.0)
STILL = (0.5, 7.0)
#: What is done again and again, and how often.
SMALL = {"kill": 10, "kill parent": 3, "kill group": 2, "freeze": 10}
#: A broker dies or stands still about so often (seconds), at least once each.
BROKER_EVERY = 120.0


@dataclass(frozen=True, order=True)
class Deed:
    """At `at` seconds, `what` is done to `whom`, for `seconds`."""

    at: float
    what: str
    whom: str = ""
    seconds: float = 0.0

    def __str__(self):
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:7.2f} s  {self.what} {self.whom}".rstrip() + lasting


def plan(seed, seconds):
    """Plan `seconds` of chaos."""
    rng = random.Random(f"{seed} events")
    deeds = [
        Deed(rng.uniform(0.15, 0.35) * seconds, "away", rng.choice(sorted(GROUPS)), min(0.3 * seconds, 300.0)),
        Deed(rng.uniform(0.1, 0.75) * seconds, "forget acknowledgements", "", min(0.2 * seconds, 60.0)),
        Deed(rng.uniform(0.1, 0.75) * seconds, "lock the database", "", LOCKED),
        Deed(rng.uniform(0.2, 0.6) * seconds, "wipe the broker"),
    ]
    for _ in range(max(1, round(seconds / BROKER_EVERY))):
        deeds.append(Deed(rng.uniform(0.1, 0.85) * seconds, "kill the broker"))
        deeds.append(Deed(rng.uniform(0.1, 0.85) * seconds, "freeze the broker", "", rng.uniform(*STILL)))
    return sorted(deeds + list(_small(rng, seconds)))


def _small(rng, seconds):
    at = rng.uniform(*PAUSE)
    while at < seconds:
        what = rng.choices(list(SMALL), SMALL.values())[0]
        whom = rng.choice(sorted(GROUPS)) if what == "kill group" else rng.choice(NAMES)
        yield Deed(at, what, whom, rng.uniform(*STILL) if what == "freeze" else 0.0)
        at += rng.uniform(*PAUSE)
