"""Batches of log records, each with an id, so that one that is sent twice is stored once."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: A batch is closed at so many records or bytes (before compression).
MAX_RECORDS = 500
MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """Gzipped NDJSON with the id (instance, boot, sequence) that makes it unique."""

    body: bytes
    instance: str
    boot: str
    sequence: int
    count: int


#: Takes a batch; raises whatever it likes where the batch could not be stored.
Sink = Callable[[Batch], None]


def compress(lines: Sequence[bytes]) -> bytes:
    """Give the lines as one gzip body; level 1, because the CPU belongs to the service."""
    return gzip.compress(b"".join(lines), compresslevel=1, mtime=0)
