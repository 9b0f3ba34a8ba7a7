"""A Registry of a few lines, to try clients against: it says what the test wants and remembers what it heard."""

# ruff: noqa: N802  (gRPC names its methods)

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.discovery.model import Instance
from libs.discovery.protos import duration, instance_to_proto
from libs.identity.service_tokens import ServiceSigner
from libs.rpc import registry_pb2 as pb
from libs.rpc.registry_pb2_grpc import RegistryServicer, add_RegistryServicer_to_server


def wait_until(condition: Callable[[], Any], timeout: float = 10.0) -> Any:
    """Wait for a condition; fail the test where it does not come true."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        pause.wait(0.01)
    raise AssertionError("the condition did not come true in time")


def signer(service: str = "todo") -> ServiceSigner:
    return ServiceSigner(service, Ed25519PrivateKey.generate())


class FakeRegistry(RegistryServicer):
    """Knows `known` leases; watchers get `snapshots` and then what `tell` adds."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.known: set[str] = set()
        self.refusal: tuple[grpc.StatusCode, str] | None = None
        self.snapshots: dict[str, pb.WatchResponse] = {}
        self.desired = pb.STATE_UP
        self.heartbeat_every = 0.1
        self.frozen = threading.Event()
        self.port = 0
        self._watchers: list[queue.SimpleQueue[pb.WatchResponse | None]] = []
        self._server: grpc.Server | None = None

    def start(self) -> "FakeRegistry":
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        add_RegistryServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()
        return self

    def stop(self) -> None:
        for watcher in self._watchers:
            watcher.put(None)
        self._watchers.clear()
        if self._server:
            self._server.stop(0).wait(5)
            self._server = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def tell(self, service: str, *items: Instance, degraded: bool = False) -> None:
        """Change a type's state and tell all watchers."""
        messages = [instance_to_proto(item) for item in items]
        answer = pb.WatchResponse(type=service, revision=time.time_ns(), items=messages, degraded=degraded)
        self.snapshots[service] = answer
        for watcher in self._watchers:
            watcher.put(answer)

    def tell_change(self, service: str, *items: Instance, removed: tuple[str, ...] = ()) -> None:
        """Tell all watchers what changed of a type."""
        messages = [instance_to_proto(item) for item in items]
        answer = pb.WatchResponse(
            type=service, revision=time.time_ns(), items=messages, delta=True, removed=removed
        )  # fmt: skip
        for watcher in self._watchers:
            watcher.put(answer)

    def said(self, method: str) -> list[Any]:
        return [message for name, message in self.heard if name == method]

    def Watch(self, request: pb.WatchRequest, context: grpc.ServicerContext) -> Iterator[pb.WatchResponse]:
        mine: queue.SimpleQueue[pb.WatchResponse | None] = queue.SimpleQueue()
        self._watchers.append(mine)
        context.add_callback(lambda: mine.put(None))
        context.send_initial_metadata((("mt-types", str(len(self.snapshots))),))
        yield from list(self.snapshots.values())
        while (answer := mine.get()) is not None:
            yield answer

    def Register(self, request: pb.RegisterRequest, context: grpc.ServicerContext) -> pb.RegisterResponse:
        self.heard.append(("Register", request))
        if self.refusal:
            context.set_trailing_metadata((("mt-code", self.refusal[1]),))
            context.abort(self.refusal[0], "refused by the test")
        self.known.add(request.id)
        return pb.RegisterResponse(instance_id=request.id, ttl=duration(0.3), heartbeat_every=duration(0.1))

    def Lease(
        self, request_iterator: Iterator[pb.LeaseRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.LeaseResponse]:
        for beat in request_iterator:
            self.heard.append(("Lease", beat))
            if beat.instance_id not in self.known:
                context.set_trailing_metadata((("mt-code", "unknown_lease"),))
                context.abort(grpc.StatusCode.NOT_FOUND, "unknown lease")
            if not self.frozen.is_set():
                yield pb.LeaseResponse(desired_state=self.desired, heartbeat_every=duration(self.heartbeat_every))

    def SetState(self, request: pb.SetStateRequest, context: grpc.ServicerContext) -> pb.Instance:
        self.heard.append(("SetState", request))
        self.desired = request.state
        return pb.Instance(type=request.type, id=request.id)

    def Deregister(self, request: pb.DeregisterRequest, context: grpc.ServicerContext) -> pb.DeregisterResponse:
        self.heard.append(("Deregister", request))
        self.known.discard(request.id)
        return pb.DeregisterResponse()
