"""The gRPC server: the Registry's methods, health and reflection on one port."""

import asyncio

import grpc.aio
import structlog
from grpc_health.v1 import _async as health_aio
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from libs.rpc import registry_pb2 as pb
from libs.rpc.registry_pb2_grpc import add_RegistryServicer_to_server
from registry_svc.instances.records import authority
from registry_svc.instances.rpc import RegistryDoor

log = structlog.get_logger(__name__)

SERVICE = pb.DESCRIPTOR.services_by_name["Registry"].full_name
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

OPTIONS = (
    ("grpc.so_reuseport", 0),  # else a second server binds the same port in silence
    ("grpc.keepalive_time_ms", 10_000),  # a watcher that is cut off is noticed
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),  # clients ping idle watches; 5 minutes is the default
    ("grpc.http2.max_ping_strikes", 0),
)


#: Streams get so long to end by themselves, and the server to stop (seconds): gRPC was seen to wait for ever.
GRACE = 0.2
STOP_TIMEOUT = 3.0


class PortTaken(Exception):
    """The gRPC port can't be bound."""


class GrpcServer:
    """Starts and stops the server."""

    def __init__(self, door: RegistryDoor, host: str, port: int) -> None:
        """Serve `door` on host and port, 0 for a free one."""
        self._door = door
        self._wanted = authority(host, port)
        self._server: grpc.aio.Server | None = None
        self._health = health_aio.HealthServicer()
        self.port = 0

    async def start(self) -> None:
        """Bind and serve; PortTaken."""
        server = grpc.aio.server(options=OPTIONS)
        add_RegistryServicer_to_server(self._door, server)  # type: ignore[no-untyped-call]
        add_HealthServicer_to_server(self._health, server)  # type: ignore[no-untyped-call]
        names = (SERVICE, HEALTH, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)  # type: ignore[no-untyped-call]
        try:
            self.port = server.add_insecure_port(self._wanted)
        except RuntimeError as error:
            raise PortTaken(f"MT_GRPC_PORT: can't listen on {self._wanted}") from error
        await self.report(serving=True)
        await server.start()
        self._server = server

    async def report(self, *, serving: bool) -> None:
        """Say by grpc.health.v1 whether this process is well."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", SERVICE):
            await self._health.set(service, status)

    async def stop(self) -> None:
        """End all streams, which is no news of the instances that held them, and stop."""
        self._door.closing = True
        if self._server is not None:
            await self._health.enter_graceful_shutdown()
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await self._server.stop(GRACE)
            except TimeoutError:
                log.warning("the gRPC server did not stop in time", seconds=STOP_TIMEOUT)
