"""The archive: purged events as gzipped JSON lines, a file for each purge. No database in here.

Each chunk is one member of the file and on disk before its rows are deleted, so a file that ends in the middle, after a
power cut, has lost nothing: the rows of its last chunk are still there and come into a later file.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

import structlog
from django.utils import timezone
from uuid_utils.compat import uuid7

log = structlog.get_logger(__name__)


class Archive:
    """Writes to a new file in a folder; without anything to write there is none. Use it as a context."""

    def __init__(self, folder: Path) -> None:
        """Make nothing yet."""
        self._folder = folder
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write `lines` and return when they are on disk; OSError where they can't be."""
        text = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)
        if self._file is None:
            self._file = self._open()
        self._file.write(gzip.compress(text.encode()))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _open(self) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        opened = (self._folder / f"events-{timezone.now():%Y%m%dT%H%M%SZ}-{uuid7().hex[-8:]}.jsonl.gz").open("xb")
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the file's name is on disk, too
        finally:
            os.close(folder)
        return opened


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines of a file up to its end, or to where it breaks off."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        try:
            for line in file:
                yield json.loads(line)
        except (EOFError, zlib.error, gzip.BadGzipFile, json.JSONDecodeError) as error:
            log.warning("a file of the archive breaks off", path=str(path), reason=str(error))
