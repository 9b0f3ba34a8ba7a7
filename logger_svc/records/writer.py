"""Writer: the one thread that writes. What arrives while a commit runs goes together into the next one."""

import atexit
import threading
from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime

import structlog

from libs.telemetry import metrics
from logger_svc.records.errors import StoreBusy
from logger_svc.records.models import Batch
from logger_svc.records.stores import store
from logger_svc.records.stores.base import Store

log = structlog.get_logger(__name__)

_stored = metrics.counter("mt_logger_records_stored", "Log records that are committed", "service")
_waiting = metrics.gauge("mt_logger_records_waiting", "Log records that wait for the next commit")

#: Records that may wait for the disk; beyond it senders are told to come back.
MAX_BACKLOG = 20_000
MAX_GROUP = 5_000


class Writer:
    """Commits batches to a store in groups; a batch is kept when its Future says so."""

    def __init__(self, store: Store, *, max_backlog: int = MAX_BACKLOG) -> None:
        """Write to `store`; the thread starts with the first batch."""
        self._store = store
        self._max_backlog = max_backlog
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Batch, Future[bool]]] = deque()
        self._backlog = 0
        self._stopping = False
        self._thread: threading.Thread | None = None

    def submit(self, batch: Batch) -> "Future[bool]":
        """Ask for a batch to be stored: True once it is, False where it was before; StoreBusy where many wait."""
        future: Future[bool] = Future()
        with self._changed:
            if self._stopping or self._backlog + len(batch.records) > self._max_backlog:
                raise StoreBusy(retry_after=1)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
                self._thread.start()
            self._waiting.append((batch, future))
            self._backlog += len(batch.records)
            _waiting.set(self._backlog)
            self._changed.notify()
        return future

    def stop(self) -> None:
        """Commit what waits, end the thread and close the store."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self._store.close()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)

    def _next_group(self) -> "list[tuple[Batch, Future[bool]]]":
        group: list[tuple[Batch, Future[bool]]] = []
        count = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            while self._waiting and (not group or count + len(self._waiting[0][0].records) <= MAX_GROUP):
                group.append(self._waiting.popleft())
                count += len(group[-1][0].records)
            self._backlog -= count
            _waiting.set(self._backlog)
        return group

    def _commit(self, group: "list[tuple[Batch, Future[bool]]]") -> None:
        try:
            results = self._store.write([batch for batch, _future in group], now=datetime.now(UTC))
        except Exception as error:
            if len(group) > 1:  # one bad batch must not take the others with it
                for one in group:
                    self._commit([one])
                return
            log.exception("a batch could not be stored", count=len(group[0][0].records))
            group[0][1].set_exception(error)
        else:
            for (batch, future), stored in zip(group, results, strict=True):
                if stored:
                    _stored.labels(batch.records[0].service).inc(len(batch.records))
                future.set_result(stored)


class _Current:
    """Holds this process's writer."""

    lock = threading.Lock()
    writer: Writer | None = None


def writer() -> Writer:
    """Give this process's writer."""
    with _Current.lock:
        if _Current.writer is None:
            _Current.writer = Writer(store())
        return _Current.writer


def reset() -> None:
    """Stop this process's writer; the next batch gets a new one."""
    with _Current.lock:
        current, _Current.writer = _Current.writer, None
    if current is not None:
        current.stop()


atexit.register(reset)
