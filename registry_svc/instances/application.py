"""The ASGI application: /healthz and /metrics, long polls, then Django; its lifespan runs the node."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from libs import discovery
from libs.discovery.model import Registration
from libs.rpc.asgi import HttpDoor, Receive, Scope, Send
from libs.rpc.client import BridgeClient
from libs.rpc.dispatcher import Dispatcher
from libs.service.asgi import lifespan, platform_paths
from libs.service.health import serving
from libs.service.identity import bundle, signer, verifier
from registry_svc.instances import policy, registry
from registry_svc.instances.api.watch import LongPoll
from registry_svc.instances.node import OWN_HEALTH, Node, NodeOptions


class Application:
    """One Registry process as seen by its HTTP server."""

    def __init__(self) -> None:
        """Make the door to Django; the rest is made on the event loop."""
        self.node: Node | None = None
        self._dispatcher = Dispatcher(get_wsgi_application(), threads=settings.HANDLER_THREADS)
        self._door = platform_paths(self._not_started)
        self._polls: LongPoll | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP and follow the lifespan."""
        if scope["type"] == "lifespan":
            await lifespan(receive, send, self._start, self._stop)
        else:
            await self._door(scope, receive, send)

    def end_streams(self) -> None:
        """Answer all waiting long polls now; `serve` asks for it before it stops."""
        if self._polls:
            self._polls.close()

    async def _start(self) -> None:
        self.node = node = Node(bundle(), verifier(), options())
        registry.use(node.registry)
        identify = node.identification.call
        self._polls = LongPoll(HttpDoor(self._dispatcher, identify), node.registry, node.changes, identify)
        self._door = platform_paths(self._polls)
        discovery.install(node.directory, BridgeClient(signer()))
        await node.start()
        settings.GRPC_PORT = node.server.port

    async def _stop(self) -> None:
        if self.node:
            await self.node.stop()
        self._dispatcher.close()

    async def _not_started(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("the HTTP server runs without the lifespan protocol")


def options() -> NodeOptions:
    """Take the node's options from the settings."""
    return NodeOptions(
        me=_own_registration,
        name=settings.INSTANCE,
        incarnation=settings.INCARNATION,
        host=settings.HOST,
        grpc_port=settings.GRPC_PORT,
        policy=policy.from_settings(),
        is_well=lambda: serving()[0],
    )


def _own_registration(grpc_port: int) -> Registration:
    return Registration(
        type=settings.SERVICE,
        id=settings.INSTANCE,
        incarnation=settings.INCARNATION,
        host=settings.ADVERTISE_HOST,
        http_port=settings.HTTP_PORT,
        grpc_port=grpc_port,
        address=settings.PUBLIC_ADDRESS,
        weight=settings.WEIGHT,
        zone=settings.ZONE,
        version=settings.VERSION,
        health=OWN_HEALTH,
    )
