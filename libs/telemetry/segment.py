"""Segment: a file of batches, appended at the end and delivered from the front.

Layout: magic (8 bytes), offset of the first undelivered batch (8 bytes), then batches: two lengths (4 bytes each), a
JSON header, the body. An append that fails is taken back, so only the end of a killed process's file can be torn.
"""

import json
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from libs.telemetry.batch import Batch

MAX_BYTES = 8 * 1024 * 1024
SUFFIX = ".seg"
DEBUG_SUFFIX = ".debug.seg"

_HEAD = struct.Struct(">8sQ")
_LENGTHS = struct.Struct(">II")
_MAGIC = b"mtspill1"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch of a segment, and where the next one begins."""

    batch: Batch
    end: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One file. All methods open it anew: a segment may vanish at any time."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> "Segment":
        """Make an empty segment."""
        path.write_bytes(_HEAD.pack(_MAGIC, _HEAD.size))
        return cls(path)

    @property
    def is_debug(self) -> bool:
        """Say whether it holds only DEBUG records."""
        return self.path.name.endswith(DEBUG_SUFFIX)

    @property
    def is_full(self) -> bool:
        """Say whether it has reached its size, or is gone."""
        return not self.path.exists() or self.path.stat().st_size >= MAX_BYTES

    def append(self, batch: Batch) -> None:
        """Add a batch; OSError where the disk does not take it, and then nothing is changed."""
        header = json.dumps([batch.instance, batch.boot, batch.sequence, batch.count, batch.reports]).encode()
        data = _LENGTHS.pack(len(header), len(batch.body)) + header + batch.body
        with self.path.open("r+b", buffering=0) as file:
            before = file.seek(0, os.SEEK_END)
            written = 0
            try:
                while written < len(data):
                    written += file.write(data[written:])
            except OSError:
                file.truncate(before)
                raise

    def first(self) -> Parcel | None:
        """Give the oldest undelivered batch, None at the end."""
        return next(self.undelivered(), None)

    def undelivered(self) -> Iterator[Parcel]:
        """Give the undelivered batches, the oldest first; a file that is gone or not ours has none."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            magic, offset = _HEAD.unpack(file.read(_HEAD.size).ljust(_HEAD.size, b"\0"))
            if magic != _MAGIC:
                return
            file.seek(offset)
            while parcel := _read(file):
                yield parcel

    def delivered(self, parcel: Parcel) -> None:
        """Remember that everything up to the end of `parcel` is delivered."""
        with self.path.open("r+b", buffering=0) as file:
            file.write(_HEAD.pack(_MAGIC, parcel.end))

    def at_stake(self) -> int:
        """Count the records that are lost with this file."""
        return sum(parcel.batch.at_stake for parcel in self.undelivered())


def _read(file: BinaryIO) -> Parcel | None:
    """Read the next batch, None at the end or where the rest is torn."""
    lengths = file.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_length, body_length = _LENGTHS.unpack(lengths)
    header, body = file.read(header_length), file.read(body_length)
    if len(body) < body_length:
        return None
    instance, boot, sequence, count, reports = json.loads(header)
    return Parcel(Batch(body, instance, boot, sequence, count, reports), file.tell())
