"""A simulated fleet: one process that plays thousands of instances with leases, and watchers, on one event loop.

Each instance has a lease stream of its own and beats as often as the Registry asks; the streams share a few
connections. All have their health checked at one listener of this process. Each watcher has a connection of its own.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Self, TypeAlias

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from libs.discovery import HealthSpec, Registration
from libs.discovery.channels import OPTIONS
from libs.discovery.protos import registration_to_proto, seconds
from libs.rpc import registry_pb2 as pb
from libs.rpc.registry_pb2_grpc import RegistryStub
from tests.benchmarks.registry import HOST, Registry, registration

SERVICE, WATCHER = "todo", "gateway"
CONNECTIONS = 50
AT_ONCE = 32  # registrations on the way


class Member:
    """One instance: it registers, and beats until its stream ends."""

    def __init__(self, fleet: "Fleet", mine: Registration, stub: Any) -> None:
        self.mine = mine
        self.every = 1.0
        self.settled = asyncio.Event()  # registered, or lost
        self._fleet = fleet
        self._stub = stub

    async def live(self) -> None:
        """Register, then hold the lease; its end is a loss."""
        try:
            async with self._fleet.slots:
                message = registration_to_proto(self.mine)
                answer = await self._stub.Register(message, timeout=60, metadata=self._fleet.metadata(SERVICE))
            self.every = seconds(answer.heartbeat_every)
            self.settled.set()
            async for beat in self._stub.Lease(self._beats(), metadata=self._fleet.metadata(SERVICE)):
                self._fleet.answered += 1
                self.every = seconds(beat.heartbeat_every) or self.every
        except grpc.aio.AioRpcError as error:
            self._fleet.losses.append(f"{self.mine.id}: {error.code().name} {error.details()}")
        else:
            self._fleet.losses.append(f"{self.mine.id}: the stream ended")
        finally:
            self.settled.set()

    async def _beats(self) -> AsyncIterator[pb.LeaseRequest]:
        while True:
            yield pb.LeaseRequest(instance_id=self.mine.id, incarnation=self.mine.incarnation)
            await asyncio.sleep(self.every)


class Watcher:
    """One process that follows all types and asks for changes only."""

    def __init__(self, fleet: "Fleet", stub: Any) -> None:
        self.first = asyncio.Event()
        self.messages = self.bytes = 0
        self._fleet = fleet
        self._stub = stub

    async def follow(self) -> None:
        """Read the stream until the end."""
        stream = self._stub.Watch(pb.WatchRequest(deltas=True), metadata=self._fleet.metadata(WATCHER))
        try:
            async for message in stream:
                if message.type == SERVICE:
                    self.messages, self.bytes = self.messages + 1, self.bytes + message.ByteSize()
                    self.first.set()
                    self._fleet.look(self, message)
        except grpc.aio.AioRpcError as error:
            self._fleet.losses.append(f"a watcher: {error.code().name} {error.details()}")
            self.first.set()


class Change:
    """A change on its way to all watchers."""

    def __init__(self, instance_id: str, state: int) -> None:
        self.instance_id, self.state = instance_id, state
        self.sent = time.perf_counter()
        self.seen: dict[Watcher, float] = {}
        self.all_know = asyncio.Event()


class Fleet:
    """Members and watchers of a Registry. Use as an asynchronous context manager."""

    def __init__(self, registry: Registry, health: HealthSpec) -> None:
        self.metadata = registry.metadata
        self.answered = 0
        self.losses: list[str] = []
        self.slots = asyncio.Semaphore(AT_ONCE)
        self.watchers: list[Watcher] = []
        self._address = registry.address
        self._health = health
        self._change = Change("", 0)
        self._admin: Any = None
        self._channels: list[grpc.aio.Channel] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        listen = listen_for_tcp if self._health.kind == "tcp" else listen_for_grpc
        self._port, self._stop_listening = await listen()
        self._admin = self._stub()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            await channel.close()
        await self._stop_listening()

    async def register(self, count: int, within: float) -> None:
        """Register so many instances and hold their leases; TimeoutError."""
        stubs = [self._stub() for _ in range(CONNECTIONS)]
        names = [f"{SERVICE}-{number}" for number in range(count)]
        registrations = [registration(SERVICE, name, self._port, self._health) for name in names]
        members = [Member(self, mine, stub) for mine, stub in zip(registrations, itertools.cycle(stubs), strict=False)]
        for member in members:
            self._spawn(member.live())
        async with asyncio.timeout(within):
            await asyncio.gather(*(member.settled.wait() for member in members))

    async def watch(self, count: int, within: float) -> None:
        """Start so many watchers and wait until each has its first state; TimeoutError."""
        self.watchers = [Watcher(self, self._stub()) for _ in range(count)]
        for watcher in self.watchers:
            self._spawn(watcher.follow())
        async with asyncio.timeout(within):
            await asyncio.gather(*(watcher.first.wait() for watcher in self.watchers))

    async def change(self, instance_id: str, state: int, within: float) -> list[float]:
        """Set a state as an administrator; give the seconds until each watcher had it."""
        self._change = change = Change(instance_id, state)
        message = pb.SetStateRequest(type=SERVICE, id=instance_id, state=state, reason="benchmark")
        await self._admin.SetState(message, timeout=within, metadata=self.metadata("admin"))
        async with asyncio.timeout(within):
            await change.all_know.wait()
        return [at - change.sent for at in change.seen.values()]

    def look(self, watcher: Watcher, message: pb.WatchResponse) -> None:
        """Note when a watcher is told of the change."""
        wanted = self._change
        if watcher not in wanted.seen and any(
            item.id == wanted.instance_id and item.state == wanted.state for item in message.items
        ):
            wanted.seen[watcher] = time.perf_counter()
            if len(wanted.seen) == len(self.watchers):
                wanted.all_know.set()

    async def states(self) -> list[int]:
        """Give the states of all members as the Registry lists them."""
        request = pb.ListInstancesRequest(type=SERVICE)
        answer = await self._admin.ListInstances(request, timeout=60, metadata=self.metadata("admin"))
        return [item.state for item in answer.items]

    def _stub(self) -> Any:
        channel = grpc.aio.insecure_channel(self._address, options=OPTIONS)
        self._channels.append(channel)
        return RegistryStub(channel)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))


Listening: TypeAlias = tuple[int, Callable[[], Awaitable[object]]]


async def listen_for_tcp() -> Listening:
    """Accept connections and do nothing with them; give the port and what ends it."""
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, 0, backlog=1024)

    async def stop() -> None:
        server.close()

    return server.sockets[0].getsockname()[1], stop


async def listen_for_grpc() -> Listening:
    """Answer gRPC health checks; give the port and what ends it."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = HealthServicer()
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    return port, lambda: server.stop(0)
