"""The gRPC door: microtodo.registry.v1.Registry over the same selectors and services as HTTP."""

from collections.abc import AsyncIterator
from typing import Any

from libs.contracts.errors import BadRequest, ValidationFailed
from libs.discovery.protos import duration, number, registration_from_proto, word, words
from libs.identity.principal import Caller
from libs.rpc import registry_pb2 as pb
from libs.rpc.registry_pb2_grpc import RegistryServicer
from registry_svc.instances import access, selectors, services
from registry_svc.instances.answers import Context, stream, unary
from registry_svc.instances.catalog import Snapshot
from registry_svc.instances.changes import Changes
from registry_svc.instances.identification import Identification
from registry_svc.instances.registry import Registry
from registry_svc.instances.watching import follow


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
        found = services.instance_set_state(
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
        services.instance_deregister(
            **self._asked(context), service=request.type, instance_id=request.id, incarnation=request.incarnation
        )
        return pb.DeregisterResponse()

    @stream
    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:  # noqa: N802
        """Stream one type, or with an empty type all that the caller may see; `mt-types` says how many."""
        asked = self._asked(context)
        seen = [request.type] if request.type else selectors.types_seen(**asked)
        for service in seen:
            access.visible(self._registry.catalog.bundle, asked["caller"], service)
        await context.send_initial_metadata((("mt-types", str(len(seen))),))
        known = {request.type: request.revision} if request.type else {}
        async for snapshot in follow(self._registry.catalog, self._changes, seen, known):
            yield _watched(asked["caller"], snapshot)

    @stream
    async def Lease(  # noqa: N802
        self, request: AsyncIterator[pb.LeaseRequest], context: Context
    ) -> AsyncIterator[pb.LeaseResponse]:
        """Take beats; each is answered with the state that is wanted. The end of the stream ends the lease."""
        asked, holder = self._asked(context), object()
        held = ""
        try:
            async for beat in request:
                grant = services.lease_renew(
                    **asked,
                    instance_id=beat.instance_id,
                    incarnation=beat.incarnation,
                    in_flight=beat.in_flight,
                    holder=holder,
                )
                held = beat.instance_id
                yield pb.LeaseResponse(desired_state=number(pb.State, grant.desired_state))
        finally:
            if held and not self.closing:
                service = asked["caller"].service
                services.lease_break(registry=self._registry, service=service, instance_id=held, holder=holder)

    def _caller(self, context: Context) -> Caller:
        sent = dict(context.invocation_metadata() or ())
        return self._identification.caller(str(sent.get("authorization", "")))

    def _asked(self, context: Context) -> dict[str, Any]:
        return {"registry": self._registry, "caller": self._caller(context)}


def _watched(caller: Caller, snapshot: Snapshot) -> pb.WatchResponse:
    return pb.WatchResponse(
        type=snapshot.type,
        revision=snapshot.revision,
        items=[access.message(caller, each) for each in snapshot.items],
        degraded=snapshot.degraded,
    )
