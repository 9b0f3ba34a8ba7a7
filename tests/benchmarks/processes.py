"""Processes: what they use of the machine (Linux), how they keep to a core, and how a load gets one of its own."""

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Run a module's function in a new process, which has imported that module before `work` begins."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=importlib.import_module, initargs=(work.__module__,)) as pool:
        pool.submit(os.getpid).result()
        return pool.submit(work, *arguments).result()


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread on one core, and for good all processes that it starts meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Cpu:
    """The CPU time that processes use while the context is open: in seconds, and as a share of one core."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self.seconds = self.share = 0.0

    def __enter__(self) -> Self:
        self._begun, self._used = time.monotonic(), self._so_far()
        return self

    def __exit__(self, *exc: object) -> None:
        self.seconds = self._so_far() - self._used
        self.share = self.seconds / (time.monotonic() - self._begun)

    def _so_far(self) -> float:
        return sum(map(cpu_seconds, self._pids))


def cpu_seconds(pid: int) -> float:
    """Give the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> float:
    """Give the resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
