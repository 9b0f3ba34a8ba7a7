"""Spool: batches on disk until they are delivered, in `<root>/<service>/<instance>/<boot>/`.

The process that holds the lock of a folder owns it. A folder whose owner is dead can be locked by any process of that
service, which then delivers what is in it: nothing waits for the same instance to come back.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from libs.telemetry.batch import Batch
from libs.telemetry.losses import Losses
from libs.telemetry.segment import DEBUG_SUFFIX, MAX_BYTES, SUFFIX, Parcel, Segment

#: All processes of a service together keep at most this much.
CAP = 256 * 1024 * 1024


class Folder:
    """A folder that this process has locked."""

    def __init__(self, path: Path, lock: int) -> None:
        """Own `path` by the open file `lock`; see `claim`."""
        self.path = path
        self._lock = lock

    @classmethod
    def claim(cls, path: Path) -> "Folder | None":
        """Lock a folder, None where another process has it or it is gone."""
        try:
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        return cls(path, lock)

    def segments(self) -> list[Segment]:
        """List the segments, the oldest first."""
        return [Segment(path) for path in sorted(self.path.glob(f"*{SUFFIX}"))]

    def new_segment(self, number: int, *, debug: bool) -> Segment:
        """Make a segment that sorts by `number`."""
        return Segment.create(self.path / f"{number:08}{DEBUG_SUFFIX if debug else SUFFIX}")

    def release(self) -> None:
        """Give it up: remove it where it is empty, else leave it to whoever locks it next."""
        if not self.segments():
            (self.path / "lock").unlink(missing_ok=True)
            with suppress(OSError):  # somebody else's files
                self.path.rmdir()
        self.forget()

    def forget(self) -> None:
        """Close the lock; in a forked child the parent keeps it."""
        os.close(self._lock)


class Spool:
    """The folders of this process: its own, and those it adopted. Any of its threads may call."""

    def __init__(self, root: Path, service: str, instance: str, boot: str, losses: Losses, *, cap: int = CAP) -> None:
        """Spill below `root`; nothing is made before the first batch."""
        self._service_root = root / service
        self._home = self._service_root / instance / boot
        self._losses = losses
        self._cap = cap
        self._lock = threading.RLock()
        self._own: Folder | None = None
        self._adopted: list[Folder] = []
        self._open: dict[bool, Segment] = {}
        self._number = 0
        self._reading: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing waits."""
        with self._lock:
            return next(self._segments(), None) is None

    def append(self, batch: Batch, *, debug: bool = False) -> None:
        """Keep a batch; where the disk does not take it, it is counted as lost."""
        with self._lock:
            try:
                self._segment(debug).append(batch)
            except OSError:
                self._losses.add("disk_full", batch.at_stake)

    def oldest(self) -> tuple[Segment, Parcel] | None:
        """Give the batch to deliver next, and its segment; segments that are done are removed on the way."""
        with self._lock:
            for segment in list(self._segments()):
                parcel = segment.first()
                if parcel is not None:
                    self._reading = segment.path
                    return segment, parcel
                self._remove(segment)
            self._reading = None
            return None

    def delivered(self, segment: Segment, parcel: Parcel) -> None:
        """Remember that a batch is delivered."""
        with self._lock, suppress(FileNotFoundError):  # dropped meanwhile for want of room
            segment.delivered(parcel)

    def adopt(self) -> None:
        """Give up adopted folders that are done, and take over those of dead processes."""
        with self._lock:
            for folder in [folder for folder in self._adopted if not folder.segments()]:
                self._adopted.remove(folder)
                folder.release()
            mine = {folder.path for folder in (self._own, *self._adopted) if folder}
            for path in sorted(self._service_root.glob("*/*/"), key=lambda path: path.name):
                orphan = Folder.claim(path) if path not in mine else None
                if orphan is not None:
                    self._adopted.append(orphan)

    def close(self) -> None:
        """Release all folders."""
        with self._lock:
            for folder in (self._own, *self._adopted):
                if folder:
                    folder.release()
            self._own, self._adopted = None, []

    def forget(self) -> None:
        """Leave the folders to the parent, in a forked child."""
        for folder in (self._own, *self._adopted):
            if folder:
                folder.forget()

    def _segments(self) -> Iterator[Segment]:
        for folder in (*self._adopted, self._own):
            if folder:
                yield from folder.segments()

    def _segment(self, debug: bool) -> Segment:
        segment = self._open.get(debug)
        if segment is None or segment.is_full:
            self._make_room()
            self._number += 1
            segment = self._open[debug] = self._folder().new_segment(self._number, debug=debug)
        return segment

    def _folder(self) -> Folder:
        if self._own is not None and not self._own.path.is_dir():  # somebody has tidied up
            self._own.forget()
            self._own = None
        while self._own is None:
            self._home.mkdir(parents=True, exist_ok=True)
            self._own = Folder.claim(self._home)
            if self._own is None:  # adopted between the two lines: take another name
                self._home = self._home.with_name(self._home.name + "x")
        return self._own

    def _make_room(self) -> None:
        while self._size() + MAX_BYTES > self._cap:
            mine = [segment for segment in self._segments() if segment.path != self._reading]
            victim = next((segment for segment in mine if segment.is_debug), mine[0] if mine else None)
            if victim is None:
                return
            self._losses.add("spill_full", victim.at_stake())
            self._remove(victim)

    def _size(self) -> int:
        total = 0
        for path in self._service_root.glob(f"*/*/*{SUFFIX}"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def _remove(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        self._open = {debug: kept for debug, kept in self._open.items() if kept.path != segment.path}
