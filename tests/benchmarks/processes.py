"""Processes: what one uses of the machine (Linux), and how a load gets one of its own."""

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")


def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Run a module's function in a new process, which has imported that module before `work` begins."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=importlib.import_module, initargs=(work.__module__,)) as pool:
        pool.submit(os.getpid).result()
        return pool.submit(work, *arguments).result()


class Cpu:
    """The share of one core that a process uses while the context is open."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.share = 0.0

    def __enter__(self) -> Self:
        self._begun, self._used = time.monotonic(), cpu_seconds(self._pid)
        return self

    def __exit__(self, *exc: object) -> None:
        self.share = (cpu_seconds(self._pid) - self._used) / (time.monotonic() - self._begun)


def cpu_seconds(pid: int) -> float:
    """Give the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> float:
    """Give the resident memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
