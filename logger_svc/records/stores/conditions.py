"""Filters as SQL, the same for both databases but for full text. Values are always parameters."""

from dataclasses import dataclass, field
from typing import Any

from logger_svc.records.levels import WARNING
from logger_svc.records.models import Filters, Position


@dataclass(slots=True)
class Conditions:
    """Conditions that all must hold, with their parameters."""

    texts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def add(self, text: str, *params: Any) -> None:
        """Add a condition."""
        self.texts.append(text)
        self.params += params

    def where(self) -> str:
        """Write the WHERE clause; empty where there is no condition."""
        return "WHERE " + " AND ".join(self.texts) if self.texts else ""

    @classmethod
    def of(cls, filters: Filters, mark: str) -> "Conditions":
        """Write all filters but full text; `mark` stands for a parameter."""
        conditions = cls()
        for name in ("service", "instance"):
            if value := getattr(filters, name):
                conditions.add(f"{name} = {mark}", value)
        for name in ("trace_id", "request_id"):
            if value := getattr(filters, name):  # the second half lets the partial index be used
                conditions.add(f"{name} = {mark} AND {name} <> ''", value)
        if filters.level:
            conditions.add(f"level >= {mark}", filters.level)
        if filters.level >= WARNING:
            conditions.add(f"level >= {WARNING}")
        if filters.since is not None:
            conditions.add(f"time >= {mark}", filters.since)
        if filters.until is not None:
            conditions.add(f"time < {mark}", filters.until)
        return conditions

    def behind(self, place: Position | None, mark: str) -> None:
        """Go on behind a place in the order "newest first"."""
        if place is not None:
            self.add(f"(time, id) < ({mark}, {mark})", place.time, place.id)
