"""The spill: batches on disk while Logger is away.

    <spill>/<service>/<instance>/lock                       held (flock) by the living process of that instance
    <spill>/<service>/<instance>/<boot>-<sequence>-<count>  one batch, written whole and renamed

A batch keeps its id, so one that Logger stored before its answer was lost is not stored twice. A folder whose lock is
free belongs to a dead process: any process of the service takes it over.
"""

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from libs.telemetry.batches import Batch

#: The bound per service; beyond it the oldest batches are dropped and counted.
CAPACITY_BYTES = 256 * 1024 * 1024


class Folder:
    """The spill of one instance, locked for as long as this object lives."""

    def __init__(self, path: Path, lock: IO[bytes]) -> None:
        """Hold a folder whose lock is taken; see `take`."""
        self.path = path
        self._lock = lock

    @classmethod
    def take(cls, path: Path) -> "Folder | None":
        """Lock the folder at `path`, or give None where a living process has it."""
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return None
        return cls(path, lock)

    def close(self) -> None:
        """Give the lock back; an empty folder's batches are gone, so others have nothing to take over."""
        self._lock.close()

    def write(self, batch: Batch) -> None:
        """Store a batch; OSError where the disk is full."""
        name = f"{batch.boot}-{batch.sequence:012}-{batch.count}"
        temporary = self.path / f".{name}"
        temporary.write_bytes(batch.body)
        temporary.rename(self.path / name)

    def files(self) -> list[Path]:
        """List the batches, the oldest first."""
        return sorted(file for file in self.path.iterdir() if file.name.count("-") >= 2 and file.name[0] != ".")

    def read(self, file: Path) -> Batch:
        """Read a batch back."""
        boot, sequence, count = file.name.rsplit("-", 2)
        return Batch(file.read_bytes(), self.path.name.partition(".")[0], boot, int(sequence), int(count))


def orphans(service_folder: Path, own: Path) -> Iterator[Folder]:
    """Take over the folders of dead processes that still hold batches."""
    for path in sorted(service_folder.iterdir()):
        if path == own or not path.is_dir() or len(list(path.iterdir())) < 2:
            continue
        folder = Folder.take(path)
        if folder is not None:
            yield folder


def trim(service_folder: Path, capacity: int = CAPACITY_BYTES) -> int:
    """Delete the oldest batches of all instances until they fit into `capacity`; give the number of records lost."""
    files = [(file.stat(), file) for file in service_folder.glob("*/*-*-*") if file.name[0] != "."]
    size = sum(stat.st_size for stat, _ in files)
    lost = 0
    for stat, file in sorted(files, key=lambda item: item[0].st_mtime):
        if size <= capacity:
            break
        file.unlink(missing_ok=True)
        size -= stat.st_size
        lost += int(file.name.rsplit("-", 1)[1])
    return lost
