"""Lease: keeps this process registered. A thread registers, beats, and begins anew by itself whatever happens."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import grpc
import requests
import structlog

from libs.discovery.backoff import Backoff, Rotation
from libs.discovery.channels import TIMEOUT, attend, channel, failure, metadata, stub
from libs.discovery.lease_http import HttpLease
from libs.discovery.model import Load, Registration
from libs.discovery.protos import number, registration_to_proto, seconds, word
from libs.identity.service_tokens import ServiceSigner
from libs.rpc import registry_pb2 as pb
from libs.rpc.registry_pb2_grpc import RegistryStub

log = structlog.get_logger(__name__)

LeaseState: TypeAlias = Literal["new", "registered", "lost", "stopped"]

#: So long leaving may take (seconds), whatever the state of the Registry.
LEAVE_TIMEOUT = 2.0
#: So many beats go over HTTP before gRPC is tried again.
HTTP_BEATS = 10
#: After so many beats without an answer another Registry is tried.
PATIENCE_BEATS = 3


class Lease:
    """The registration of one instance, kept alive by a stream of beats, or over HTTP where gRPC does not get through.

    A Registry that is away, restarts or forgets is tried again with jittered backoff, for ever; where there are
    several, the next one is. `desired_state` is what the Registry wants of the instance, as soon as that changes.
    """

    def __init__(
        self,
        registration: Registration,
        addresses: Sequence[str],
        signer: ServiceSigner,
        load: Callable[[], Load] = Load,
        urls: Sequence[str] = (),
    ) -> None:
        """Register at one of `addresses` (gRPC) or `urls` (HTTP); `load` gives what the instance works on."""
        self.registration = registration
        self.state: LeaseState = "new"
        self.desired_state = ""
        self._addresses = Rotation(addresses)
        self._urls = list(urls)
        self._signer = signer
        self._load = load
        self._registered = threading.Event()
        self._stopping = threading.Event()
        self._known = False
        self._draining = False
        self._beat_every = 1.0
        self._answered = 0.0
        self._stream: grpc.Future[Any] | None = None
        self._told: set[tuple[str, ...]] = set()
        self._thread = threading.Thread(target=self._run, name="discovery-lease", daemon=True)

    def start(self) -> None:
        """Begin to register; returns at once."""
        self._thread.start()

    def wait(self, timeout: float) -> bool:
        """Wait until the instance is registered; tell whether it is."""
        return self._registered.wait(timeout)

    def drain(self) -> bool:
        """Tell the Registry that no new requests are wanted; tell whether it heard."""
        self._draining = True
        return self._tell(self._drain_over_grpc, HttpLease.drain)

    def stop(self) -> None:
        """Deregister and end the thread; a Registry that is away learns it by the silence."""
        self._stopping.set()
        if self._known:
            self._tell(self._deregister_over_grpc, HttpLease.deregister)
        if self._stream is not None:
            self._stream.cancel()
        if self._thread.is_alive():
            self._thread.join(timeout=LEAVE_TIMEOUT + TIMEOUT)
        self._registered.clear()
        self.state = "stopped"

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            held = any(self._over_grpc(next(self._addresses)) for _ in range(len(self._addresses)))
            if not held:
                held = any(self._over_http(url) for url in self._urls)
            if held:
                backoff.reset()
            self._stopping.wait(backoff.next())

    def _over_grpc(self, address: str) -> bool:
        """Hold the lease at one registry until that breaks; tell whether it was held at all."""
        if self._stopping.is_set():
            return False
        self._registered.clear()
        try:
            with channel(address) as opened:
                registry = stub(opened)
                if not self._known:
                    self._register(registry)
                self._hold(registry)
        except grpc.RpcError as error:
            self._broke(address, *failure(error))
        except Exception:
            log.exception("the lease's thread goes on after an unexpected error", registry=address)
        return self._settle()

    def _register(self, registry: RegistryStub) -> None:
        answer = registry.Register(
            registration_to_proto(self.registration), timeout=15, metadata=metadata(self._signer)
        )
        self._beat_every = seconds(answer.heartbeat_every) or self._beat_every
        self._is_registered()
        if self._draining:
            registry.SetState(self._draining_message(), timeout=TIMEOUT, metadata=metadata(self._signer))

    def _hold(self, registry: RegistryStub) -> None:
        """Hold the lease until its stream ends, or gives no answers: the Registry is frozen, perhaps another is not."""
        over = threading.Event()
        self._answered = time.monotonic()
        self._stream = registry.Lease(self._beats(over), metadata=metadata(self._signer))
        attend(self._stream, over, self._listen, self._is_silent, every=self._beat_every)
        self._stream = None

    def _listen(self, stream: Iterator[pb.LeaseResponse], over: threading.Event) -> None:
        for answer in stream:
            if over.is_set():
                return
            self._answered = time.monotonic()
            self._want(word(pb.State, answer.desired_state))
            self._beat_every = seconds(answer.heartbeat_every) or self._beat_every
            if not self._registered.is_set():
                self._is_registered()

    def _is_silent(self) -> bool:
        return self._stopping.is_set() or time.monotonic() - self._answered > PATIENCE_BEATS * self._beat_every

    def _beats(self, over: threading.Event) -> Iterator[pb.LeaseRequest]:
        while not (over.is_set() or self._stopping.is_set()):
            load = self._load()
            yield pb.LeaseRequest(
                instance_id=self.registration.id,
                incarnation=self.registration.incarnation,
                in_flight=load.in_flight,
                cpu=load.cpu,
                queue_depth=load.queue_depth,
            )
            over.wait(self._beat_every)

    def _over_http(self, url: str) -> bool:
        """Hold the lease over HTTP for a while, then gRPC has its turn again; tell whether it was held at all."""
        if self._stopping.is_set():
            return False
        lease = HttpLease(url, self.registration, self._signer)
        try:
            if not self._known:
                self._beat_every = lease.register() or self._beat_every
            for _ in range(HTTP_BEATS):
                self._want(lease.renew(self._load()))
                self._is_registered()
                if self._stopping.wait(self._beat_every):
                    break
        except (requests.RequestException, ValueError, KeyError) as error:
            self._broke(url, *lease.failure(error))
        return self._settle()

    def _want(self, state: str) -> None:
        """Note what the Registry wants; somebody there lets this instance drain or rest, or takes it back."""
        if state not in (self.desired_state, "") and self.desired_state and not self._draining:
            log.info("the registry wants another state", state=state, before=self.desired_state)
        self.desired_state = state or self.desired_state

    def _is_registered(self) -> None:
        if self.state != "registered":
            log.info("registered at the registry")
            self._told.clear()
        self._known, self.state = True, "registered"
        self._registered.set()

    def _broke(self, where: str, code: str, detail: str) -> None:
        """Note why the lease is not held; one that the Registry does not know makes us register anew."""
        if code in ("unknown_lease", "not_found"):
            self._known = False
        if not self._stopping.is_set():
            known = code in ("unavailable", "cancelled") or (where, code, detail) in self._told
            (log.debug if known else log.warning)("lease not held", registry=where, code=code, detail=detail)
            self._told.add((where, code, detail))  # a refusal that stays the same is said once

    def _settle(self) -> bool:
        held = self._registered.is_set()
        if held:
            self._registered.clear()
            self.state = "lost"
            if not self._stopping.is_set():
                log.warning("the lease is lost: registering again")
        return held

    # -- leaving ---------------------------------------------------------------------------------------------------

    def _tell(self, over_grpc: Callable[[RegistryStub], object], over_http: Callable[[HttpLease], object]) -> bool:
        """Tell the first registry that answers."""
        for address in self._addresses.items:
            try:
                with channel(address) as opened:
                    over_grpc(stub(opened))
                return True
            except grpc.RpcError as error:
                log.debug("the registry was not told", address=address, detail=failure(error)[1])
        return any(self._told_over_http(url, over_http) for url in self._urls)

    def _told_over_http(self, url: str, over_http: Callable[[HttpLease], object]) -> bool:
        try:
            over_http(HttpLease(url, self.registration, self._signer))
        except requests.RequestException as error:
            log.debug("the registry was not told", url=url, detail=str(error))
            return False
        return True

    def _drain_over_grpc(self, registry: RegistryStub) -> None:
        registry.SetState(self._draining_message(), timeout=LEAVE_TIMEOUT, metadata=metadata(self._signer))

    def _draining_message(self) -> pb.SetStateRequest:
        return pb.SetStateRequest(
            type=self.registration.type,
            id=self.registration.id,
            state=number(pb.State, "draining"),
            reason="the instance is shutting down",
        )

    def _deregister_over_grpc(self, registry: RegistryStub) -> None:
        mine = self.registration
        message = pb.DeregisterRequest(type=mine.type, id=mine.id, incarnation=mine.incarnation)
        registry.Deregister(message, timeout=LEAVE_TIMEOUT, metadata=metadata(self._signer))
