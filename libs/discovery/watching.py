"""RegistryDirectory: a Directory kept current by one `Watch` stream, or by HTTP polling where gRPC does not work."""

import asyncio
import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import grpc
import requests
import structlog

from libs.discovery.backoff import Backoff, Rotation
from libs.discovery.balancers import DEFAULT_STRATEGY
from libs.discovery.channels import attend, channel, failure, headers, metadata, stub
from libs.discovery.directories import Snapshots
from libs.discovery.documents import instance_from_json
from libs.discovery.model import Instance
from libs.discovery.protos import instance_from_proto
from libs.identity.service_tokens import ServiceSigner
from libs.rpc import registry_pb2 as pb

log = structlog.get_logger(__name__)


class _Forks:
    """Counts the forks that led to this process: to compare it is no system call, as asking for the pid is."""

    count = 0


def _forked() -> None:
    _Forks.count += 1


os.register_at_fork(after_in_child=_forked)

#: The first question after the start waits so long for the first snapshot (seconds).
FIRST_CONTACT = 3.0
HTTP_TIMEOUT = 3.0
#: A stream that has not said how many types it tells of within so many seconds is given up.
GREETING = 5.0


class RegistryDirectory(Snapshots):
    """The Registry's view of all types that this service may see. A Registry that is away changes nothing here."""

    def __init__(
        self,
        addresses: Sequence[str],
        signer: ServiceSigner,
        urls: Sequence[str] = (),
        *,
        zone: str = "",
        slow_start: float = 0.0,
    ) -> None:
        """Ask the registries at `addresses` ("host:port", gRPC), else at `urls` (HTTP); see Snapshots for the rest."""
        super().__init__(zone=zone, slow_start=slow_start)
        self._addresses = Rotation(addresses)
        self._urls = [url.rstrip("/") for url in urls]
        self._signer = signer
        self._started_in = -1
        self._wait_until = 0.0
        self._first = threading.Event()
        self._stopping = threading.Event()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._reader: threading.Thread | None = None
        self._stream: grpc.Future[Any] | None = None
        self._greeted = False
        self._live = False
        self._away = False

    def start(self) -> None:
        """Start the watching thread; once per process, so a fork starts its own."""
        if self._started_in == _Forks.count:
            return
        with self._start_lock:
            if self._started_in == _Forks.count:
                return
            self._stopping, self._live = threading.Event(), False
            self._wait_until = time.monotonic() + FIRST_CONTACT
            self._thread = threading.Thread(target=self._run, name="discovery-watch", daemon=True)
            self._thread.start()
            self._started_in = _Forks.count

    def stop(self) -> None:
        """End the watching thread; the snapshots stay."""
        self._stopping.set()
        stream, thread = self._stream, self._thread
        if stream is not None:
            stream.cancel()
        if thread is not None and self._started_in == _Forks.count:
            thread.join(timeout=HTTP_TIMEOUT + 1)

    def wait(self, timeout: float) -> bool:
        """Wait for the first contact; tell whether there was one."""
        self.start()
        return self._first.wait(timeout)

    def pick(
        self,
        service: str,
        *,
        strategy: str = DEFAULT_STRATEGY,
        exclude: Collection[str] = (),
        zone: str | None = None,
    ) -> Instance:
        """Choose from the snapshot, which the first question of a process waits for."""
        self._ensure()
        return super().pick(service, strategy=strategy, exclude=exclude, zone=zone)

    def instances(self, service: str) -> Sequence[Instance]:
        """Give all instances of `service` in the snapshot."""
        self._ensure()
        return super().instances(service)

    def services(self) -> Mapping[str, Sequence[Instance]]:
        """Give the snapshots of all types."""
        self._ensure()
        return super().services()

    def age(self) -> float:
        """Give 0 while the stream is open: it would bring a change at once."""
        return 0.0 if self._live else super().age()

    def _ensure(self) -> None:
        self.start()
        if self._first.is_set():
            return
        left = self._wait_until - time.monotonic()
        own = (self._thread, self._reader)  # a listener asks while the snapshots arrive
        on_own_thread = threading.current_thread() in own
        if left > 0 and not on_own_thread and not _on_event_loop():
            self._first.wait(left)

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            watched = any(self._watch(next(self._addresses)) for _ in range(len(self._addresses)))
            self._note(reached=watched or self._poll())
            if watched:
                backoff.reset()
            self._stopping.wait(backoff.next())

    def _note(self, *, reached: bool) -> None:
        """Say once that no registry answers, and once that one does again."""
        if reached == self._away and not self._stopping.is_set():
            self._away = not reached
            if reached:
                log.info("a registry answers again")
            else:
                log.warning("no registry answers: the last snapshot stays", addresses=self._addresses.items)

    def _watch(self, address: str) -> bool:
        """Follow the stream of one registry until it breaks; tell whether it said anything."""
        if self._stopping.is_set():
            return False
        try:
            with channel(address) as opened:
                self._stream = stub(opened).Watch(pb.WatchRequest(deltas=True), metadata=metadata(self._signer))
                self._greeted, deadline = False, time.monotonic() + GREETING
                attend(
                    self._stream,
                    threading.Event(),
                    self._follow,
                    lambda: self._stopping.is_set() or (not self._greeted and time.monotonic() > deadline),
                    every=1.0,
                )
        except grpc.RpcError as error:
            if not self._stopping.is_set():
                code, detail = failure(error)
                log.debug("the watch of the registry broke", address=address, code=code, detail=detail)
        except Exception:
            log.exception("an answer of the registry was not understood", address=address)
        said_something, self._live = self._live, False
        if said_something:
            self.touch()
        return said_something

    def _follow(self, stream: Any, over: threading.Event) -> None:
        """Take snapshots; `mt-types` says how many types the Registry tells of at first."""
        self._reader = threading.current_thread()
        expected = int(dict(stream.initial_metadata() or ()).get("mt-types", 1))
        self._greeted = True
        seen: set[str] = set()
        for message in stream:
            if over.is_set():
                return
            seen.add(message.type)
            items = [instance_from_proto(item) for item in message.items]
            if message.delta:
                self.apply(message.type, items, list(message.removed), degraded=message.degraded)
            else:
                self.update(message.type, items, degraded=message.degraded)
            self._live = True
            self._note(reached=True)
            if len(seen) >= expected:
                self._first.set()

    def _poll(self) -> bool:
        """Ask the registries over HTTP once; the first that answers counts. Tell whether one did."""
        for url in self._urls:
            try:
                self._poll_one(url)
            except (requests.RequestException, ValueError, KeyError, TypeError) as error:
                log.debug("the registry did not answer over HTTP", url=url, error=str(error))
            else:
                self._first.set()
                return True
        return False

    def _poll_one(self, url: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(headers(self._signer))
            for entry in _get(session, f"{url}/v1/services")["items"]:
                answer = _get(session, f"{url}/v1/services/{entry['type']}/instances")
                items = [instance_from_json(item) for item in answer["items"]]
                self.update(entry["type"], items, degraded=bool(entry.get("degraded")))


def _get(session: requests.Session, url: str) -> dict[str, Any]:
    answer = session.get(url, timeout=HTTP_TIMEOUT)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
