"""Reactions: a service's table of what it does about which events, named by REACTIONS in its settings."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from libs.eventbus.envelope import Envelope

Reaction = Callable[[Envelope], None]


def find(reactions: Mapping[str, Reaction], event_type: str) -> Reaction | None:
    """Find the reaction to `event_type`: its own entry, else that of the longest pattern that matches."""
    if event_type in reactions:
        return reactions[event_type]
    matching = [pattern for pattern in reactions if matches(pattern, event_type)]
    return reactions[max(matching, key=len)] if matching else None


def matches(pattern: str, event_type: str) -> bool:
    """Tell whether `event_type` fits `pattern`, in which `*` stands for anything: `auth.user.*`."""
    return fnmatchcase(event_type, pattern)


def matches_any(patterns: Iterable[str], event_type: str) -> bool:
    """Tell whether `event_type` fits one of `patterns`."""
    return any(matches(pattern, event_type) for pattern in patterns)


def table() -> dict[str, Any]:
    """Give this service's reactions; empty where it has none."""
    return dict(import_string(settings.REACTIONS)) if settings.REACTIONS else {}
