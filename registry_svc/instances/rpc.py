"""The gRPC door: microtodo.registry.v1.Registry over the same selectors and services as HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog

from libs.contracts.errors import BadRequest, ValidationFailed
from libs.discovery.protos import duration, load_from_proto, number, registration_from_proto, word, words
from libs.identity.principal import Caller
from libs.rpc import registry_pb2 as pb
from libs.rpc.registry_pb2_grpc import RegistryServicer
from registry_svc.instances import access, observation, selectors, services
from registry_svc.instances.answers import Context, duplex, stream, unary
from registry_svc.instances.catalog import Snapshot
from registry_svc.instances.changes import Changes
from registry_svc.instances.errors import UnknownInstance
from registry_svc.instances.identification import Identification
from registry_svc.instances.registry import Registry
from registry_svc.instances.services import Grant
from registry_svc.instances.watching import follow

log = structlog.get_logger(__name__)


class RegistryDoor(RegistryServicer):
    """Parses a message, calls a selector or a service, renders."""

    def __init__(self, registry: Registry, changes: Changes, identification: Identification) -> None:
        """Serve `registry`."""
        self._registry = registry
        self._changes = changes
        self._identification = identification
        self.closing = False

    @unary
    async def ListTypes(self, request: pb.ListTypesRequest, context: Context) -> pb.ListTypesResponse:  # noqa: N802
        """List the types that the caller may see."""
        found = selectors.type_list(**self._asked(context))
        return pb.ListTypesResponse(
            items=[
                pb.ServiceType(
                    type=each.type,
                    visibility=number(pb.Visibility, each.visibility),
                    instances=each.instances,
                    healthy=each.healthy,
                    degraded=each.degraded,
                    guards=each.guards,
                )
                for each in found
            ]
        )

    @unary
    async def ListInstances(  # noqa: N802
        self, request: pb.ListInstancesRequest, context: Context
    ) -> pb.ListInstancesResponse:
        """List the instances of a type."""
        asked, states = self._asked(context), words(pb.State, request.states)
        if "" in states:
            raise BadRequest("unknown state", code="invalid_parameter")
        found = selectors.instance_list(**asked, service=request.type, states=states)
        items = [access.message(asked["caller"], each) for each in found.items]
        return pb.ListInstancesResponse(items=items, revision=found.revision)

    @unary
    async def GetInstance(self, request: pb.GetInstanceRequest, context: Context) -> pb.Instance:  # noqa: N802
        """Show one instance."""
        asked = self._asked(context)
        found = selectors.instance_get(**asked, service=request.type, instance_id=request.id)
        return access.message(asked["caller"], found)

    @unary
    async def Resolve(self, request: pb.ResolveRequest, context: Context) -> pb.ResolveResponse:  # noqa: N802
        """Choose a suitable instance."""
        asked = self._asked(context)
        strategy = word(pb.Strategy, request.strategy)
        if request.strategy and not strategy:
            raise BadRequest("unknown strategy", code="invalid_parameter")
        found, degraded = selectors.instance_resolve(
            **asked, service=request.type, strategy=strategy, zone=request.zone
        )  # fmt: skip
        return pb.ResolveResponse(instance=access.message(asked["caller"], found), degraded=degraded)

    @unary
    async def CheckHealth(self, request: pb.CheckHealthRequest, context: Context) -> pb.CheckHealthResponse:  # noqa: N802
        """Ask an instance how it is, now."""
        check = await services.instance_probe(
            **self._asked(context), service=request.type, instance_id=request.id
        )  # fmt: skip
        status = number(pb.HealthStatus, check.status)
        return pb.CheckHealthResponse(status=status, latency_ms=check.latency_ms, detail=check.detail)

    @unary
    async def Register(self, request: pb.RegisterRequest, context: Context) -> pb.RegisterResponse:  # noqa: N802
        """Register an instance of the caller's own type."""
        if request.health.kind and not word(pb.HealthKind, request.health.kind):
            raise ValidationFailed.of("/health/kind", "invalid", "grpc, http or tcp")
        registration = registration_from_proto(request)
        grant = await services.instance_register(**self._asked(context), registration=registration)
        return pb.RegisterResponse(
            instance_id=grant.instance_id,
            incarnation=grant.incarnation,
            ttl=duration(grant.ttl),
            heartbeat_every=duration(grant.heartbeat_every),
        )

    @unary
    async def SetState(self, request: pb.SetStateRequest, context: Context) -> pb.Instance:  # noqa: N802
        """Drain, rest, resume."""
        found = await services.instance_set_state(
            **self._asked(context),
            service=request.type,
            instance_id=request.id,
            state=word(pb.State, request.state),
            reason=request.reason,
        )
        return access.message(self._caller(context), found)

    @unary
    async def Deregister(self, request: pb.DeregisterRequest, context: Context) -> pb.DeregisterResponse:  # noqa: N802
        """Forget an instance."""
        await services.instance_deregister(
            **self._asked(context), service=request.type, instance_id=request.id, incarnation=request.incarnation
        )
        return pb.DeregisterResponse()

    @stream
    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:  # noqa: N802
        """Stream one type, or with an empty type all that the caller may see; `mt-types` says how many."""
        asked = self._asked(context)
        caller = asked["caller"]
        self._registry.watches.take((caller.service, _host(context)))
        seen = [request.type] if request.type else selectors.types_seen(**asked)
        for service in seen:
            access.visible(self._registry.catalog.bundle, caller, service)
        await context.send_initial_metadata((("mt-types", str(len(seen))),))
        known = {request.type: request.revision} if request.type else {}
        observation.WATCHERS.inc()
        try:
            async for news in follow(self._registry.catalog, self._changes, seen, known, deltas=request.deltas):
                yield _watched(caller, news)
        finally:
            observation.WATCHERS.dec()

    @duplex
    async def Lease(self, request: AsyncIterator[pb.LeaseRequest], context: Context) -> None:  # noqa: N802
        """Take beats; each is answered with the state that is wanted, and so is every change of that in between.

        The end of the stream puts the lease in doubt, however it ends: of a process that died gRPC says first that
        there are no more requests. Who lives and only uses short streams keeps the lease until its silence.
        """
        asked = self._asked(context)
        held = _Lease(self._registry, asked["caller"].service, context)
        try:
            async for beat in request:
                grant = services.lease_renew(
                    **asked,
                    instance_id=beat.instance_id,
                    incarnation=beat.incarnation,
                    load=load_from_proto(beat),
                    holder=held,
                )
                held.instance_id = beat.instance_id
                await held.answer(grant)
        finally:
            if held.instance_id and not self.closing:
                services.lease_break(
                    registry=self._registry, service=held.service, instance_id=held.instance_id, holder=held
                )

    def _caller(self, context: Context) -> Caller:
        sent = dict(context.invocation_metadata() or ())
        return self._identification.caller(str(sent.get("authorization", "")))

    def _asked(self, context: Context) -> dict[str, Any]:
        return {"registry": self._registry, "caller": self._caller(context)}


class _Lease:
    """The stream of beats of one instance: the Holder that its record names."""

    def __init__(self, registry: Registry, service: str, context: Context) -> None:
        """Answer by `context`."""
        self.service = service
        self.instance_id = ""
        self._registry = registry
        self._context = context
        self._writing = asyncio.Lock()
        self._pushes: set[asyncio.Task[None]] = set()

    async def answer(self, grant: Grant) -> None:
        """Answer a beat."""
        async with self._writing:
            await self._context.write(
                pb.LeaseResponse(
                    desired_state=number(pb.State, grant.desired_state),
                    heartbeat_every=duration(grant.heartbeat_every),
                    ttl=duration(grant.ttl),
                )
            )

    def wake(self) -> None:
        """Tell the instance now what is wanted of it; from any thread."""
        self._registry.loop.call_soon_threadsafe(self._start_push)

    def _start_push(self) -> None:
        task = asyncio.create_task(self._push())
        self._pushes.add(task)
        task.add_done_callback(self._pushes.discard)

    async def _push(self) -> None:
        try:
            grant = services.lease_now(
                registry=self._registry, service=self.service, instance_id=self.instance_id
            )  # fmt: skip
            await self.answer(grant)
        except UnknownInstance:
            return
        except Exception as error:  # noqa: BLE001  (whatever gRPC raises for a stream that has just ended)
            log.debug("the wanted state was not pushed", instance_id=self.instance_id, error=str(error))


def _watched(caller: Caller, news: Snapshot) -> pb.WatchResponse:
    """Write news once for all callers of a kind."""
    kind = "external" if caller.kind == "external" else "known"
    message = news.rendered.get(kind)
    if message is None:
        message = news.rendered[kind] = pb.WatchResponse(
            type=news.type,
            revision=news.revision,
            items=[access.message(caller, each) for each in news.items],
            degraded=news.degraded,
            delta=news.delta,
            removed=news.removed,
        )
    return message


def _host(context: Context) -> str:
    """Give the address of the caller without its port: "ipv4:127.0.0.1"."""
    return str(context.peer()).rpartition(":")[0]
