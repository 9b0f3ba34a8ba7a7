"""Batch: what travels to Logger. Its id (instance, boot, sequence) stays, so what is sent twice is stored once."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

#: Fast rather than small: records are much alike, so the fastest level already takes away 90 %.
COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Batch:
    """Records as gzip-compressed NDJSON."""

    body: bytes
    instance: str
    boot: str
    sequence: int
    count: int
    #: How many lost records the `log.dropped` record of this batch speaks of; 0: the batch has none.
    reports: int = 0

    @classmethod
    def of(cls, lines: Sequence[bytes], *, instance: str, boot: str, sequence: int, reports: int = 0) -> "Batch":
        """Compress `lines`, each one record as JSON."""
        body = gzip.compress(b"\n".join(lines), COMPRESSION, mtime=0)
        return cls(body, instance, boot, sequence, len(lines), reports)

    @property
    def at_stake(self) -> int:
        """Count the records that are lost with this batch, those that its report speaks of included."""
        return self.count + self.reports - (1 if self.reports else 0)


#: Delivers a batch, or raises.
Sink: TypeAlias = Callable[[Batch], None]
