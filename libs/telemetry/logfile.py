"""LogFile: standard output and standard error of this process as a file of limited size, older files beside it.

The process writes its file itself: a supervisor that copies each line pays more for it than the line has cost.
"""

import fcntl
import os
import threading
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

STDOUT, STDERR = 1, 2

MAX_BYTES = 10 * 1024 * 1024
#: Older files, `<name>.1` the youngest.
BACKUPS = 2
#: The file is looked at after so many bytes of this process.
LOOK_EVERY = 64 * 1024


class LogFile:
    """The file `path`. Several processes may write it, as a worker and its child do: whoever sees it full moves it."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, look_every: int = LOOK_EVERY) -> None:
        """Put standard output and standard error into the file; OSError where it can't be written."""
        self._path = path
        self._max_bytes = max_bytes
        self._look_every = look_every
        self._unseen = 0
        self._lock = threading.Lock()
        self._open()
        self._look()

    def grew(self, size: int) -> None:
        """Take note that standard output got `size` bytes more."""
        self._unseen += size
        if self._unseen >= self._look_every and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()

    def _look(self) -> None:
        """Move a full file away, and follow where another process has moved it; a disk that refuses changes nothing."""
        self._unseen = 0
        with suppress(OSError):
            fcntl.lockf(STDOUT, fcntl.LOCK_EX)  # a lock of the process: a forked child does not share it
            try:
                if self._is_current() and os.fstat(STDOUT).st_size >= self._max_bytes:
                    self._move()
                if not self._is_current():
                    self._open()
            finally:
                fcntl.lockf(STDOUT, fcntl.LOCK_UN)

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(STDOUT))
        except FileNotFoundError:
            return False

    def _move(self) -> None:
        names = [self._path, *(Path(f"{self._path}.{number}") for number in range(1, BACKUPS + 1))]
        for younger, older in reversed(list(pairwise(names))):
            with suppress(FileNotFoundError):
                younger.replace(older)

    def _open(self) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(file, STDOUT)
        os.dup2(file, STDERR)
        os.close(file)
