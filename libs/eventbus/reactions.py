"""Reactions: a service's table of what it does about which events, named by REACTIONS in its settings.

A reaction understands version 1 of its events unless it says otherwise; Events keeps other versions until it does:

    @versions(1, 2)
    def task_completed(event: Envelope) -> None: ...
"""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from libs.eventbus.envelope import Envelope

Reaction = Callable[[Envelope], None]


def find(reactions: Mapping[str, Reaction], event_type: str) -> Reaction | None:
    """Find the reaction to `event_type`: its own entry, else that of the longest pattern that matches."""
    pattern = best(reactions, event_type)
    return None if pattern is None else reactions[pattern]


def best(patterns: Iterable[str], event_type: str) -> str | None:
    """Choose the pattern for `event_type`: itself, else the longest that matches."""
    matching = [pattern for pattern in patterns if matches(pattern, event_type)]
    return event_type if event_type in matching else max(matching, key=len, default=None)


def versions(*known: int) -> Callable[[Reaction], Reaction]:
    """Declare the dataversions that a reaction understands."""

    def declare(reaction: Reaction) -> Reaction:
        reaction.versions = known  # type: ignore[attr-defined]  # functions take attributes
        return reaction

    return declare


def versions_of(reaction: object) -> tuple[int, ...]:
    """Give the dataversions that `reaction` understands."""
    known: tuple[int, ...] = getattr(reaction, "versions", (1,))
    return known


def matches(pattern: str, event_type: str) -> bool:
    """Tell whether `event_type` fits `pattern`, in which `*` stands for anything: `auth.user.*`."""
    return fnmatchcase(event_type, pattern)


def table() -> dict[str, Any]:
    """Give this service's reactions; empty where it has none."""
    return dict(import_string(settings.REACTIONS)) if settings.REACTIONS else {}
