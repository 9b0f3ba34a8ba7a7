"""The HTTP door: parses, calls a selector or a service, renders. Anybody may knock; `access` decides who sees what."""

import dataclasses
from typing import Any, ClassVar

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from libs.contracts.errors import ValidationFailed
from libs.discovery.documents import check_to_json, registration_from_json
from libs.discovery.model import Load
from libs.webapi import etags
from libs.webapi.access import Public
from libs.webapi.views import View
from registry_svc.instances import access, selectors, services
from registry_svc.instances.api import serializers as shapes
from registry_svc.instances.registry import Registry, current
from registry_svc.instances.services import Grant


class RegistryView(View):
    """The base of the views: what all of them need."""

    access = Public()
    idempotent = False  # a registration is idempotent by itself

    @property
    def registry(self) -> Registry:
        """The registry of this process."""
        return current()

    @property
    def asked(self) -> dict[str, Any]:
        """Who asks whom: the first arguments of all selectors and services."""
        return {"registry": self.registry, "caller": self.caller}


class Types(RegistryView):
    """The service types that the caller may see."""

    @extend_schema(operation_id="types_list", responses=shapes.TypesOut)
    def get(self, request: Request) -> Response:
        """List the service types."""
        found = selectors.type_list(**self.asked)
        return self.ok({"items": [dataclasses.asdict(each) for each in found]})


class Instances(RegistryView):
    """The instances of a type."""

    Params = shapes.InstancesParams

    @extend_schema(
        operation_id="instances_list", parameters=[shapes.InstancesParams], responses=shapes.InstancesOut
    )  # fmt: skip
    def get(self, request: Request, service: str) -> Response:
        """List the instances of a type."""
        found = selectors.instance_list(**self.asked, service=service, states=self.params().get("states", ()))
        items = [access.document(self.caller, each) for each in found.items]
        return self.ok({"items": items, "revision": found.revision})

    @extend_schema(
        operation_id="instances_register", request=shapes.RegistrationBody, responses={201: shapes.GrantOut}
    )  # fmt: skip
    def post(self, request: Request, service: str) -> Response:
        """Register an instance of the caller's own type."""
        access.check_own(self.caller, service)
        body = self.body(shapes.RegistrationBody)
        if body.pop("type", service) != service:
            wrong = shapes.type_mismatch(service)
            raise ValidationFailed(f"/type: {wrong.detail}", errors=[wrong])
        registration = registration_from_json(service, body)
        work = services.instance_register(**self.asked, registration=registration)
        grant = self.registry.wait_for(work)
        return self.created(
            dataclasses.asdict(grant), location=f"/v1/services/{service}/instances/{grant.instance_id}"
        )  # fmt: skip


class InstanceItem(RegistryView):
    """One instance."""

    @extend_schema(operation_id="instances_get", responses=shapes.InstanceOut)
    def get(self, request: Request, service: str, instance_id: str) -> Response:
        """Show one instance."""
        found = selectors.instance_get(**self.asked, service=service, instance_id=instance_id)
        return self.ok(access.document(self.caller, found))

    @extend_schema(operation_id="instances_deregister", request=shapes.LeaveBody, responses={204: None})
    def delete(self, request: Request, service: str, instance_id: str) -> Response:
        """Deregister an instance: by itself, or by an admin."""
        access.check_control(self.caller, service)
        body = self.body(shapes.LeaveBody)
        work = services.instance_deregister(**self.asked, service=service, instance_id=instance_id, **body)
        self.registry.wait_for(work)
        return self.no_content()


class Resolve(RegistryView):
    """The address of one suitable instance."""

    Params = shapes.ResolveParams

    @extend_schema(
        operation_id="instances_resolve", parameters=[shapes.ResolveParams], responses=shapes.ResolvedOut
    )  # fmt: skip
    def get(self, request: Request, service: str) -> Response:
        """Choose a suitable instance."""
        found, degraded = selectors.instance_resolve(**self.asked, service=service, **self.params())
        return self.ok({**access.document(self.caller, found), "degraded": degraded})


class Watch(RegistryView):
    """The state of a type now. The waiting is done before Django, by `api.watch.LongPoll`."""

    Params = shapes.WatchParams

    @extend_schema(operation_id="instances_watch", parameters=[shapes.WatchParams], responses=shapes.WatchOut)
    def get(self, request: Request, service: str) -> Response:
        """Wait for a revision other than `index`, at most `wait` seconds, and show the instances."""
        self.params()
        self.registry.watches.take((self.caller.service, request.META.get("REMOTE_ADDR", "")))
        found = selectors.instance_list(**self.asked, service=service)
        data = {
            "type": service,
            "revision": found.revision,
            "items": [access.document(self.caller, each) for each in found.items],
            "degraded": found.degraded,
        }
        return self.ok(data, etag=etags.make(found.revision, self.caller.kind, str(found.degraded)))


class Health(RegistryView):
    """A proxied health check."""

    @extend_schema(operation_id="instances_health", responses=shapes.HealthOut)
    def get(self, request: Request, service: str, instance_id: str) -> Response:
        """Ask the instance how it is, now."""
        work = services.instance_probe(**self.asked, service=service, instance_id=instance_id)
        check = check_to_json(self.registry.wait_for(work))
        del check["at"]
        return self.ok(check)


class Lease(RegistryView):
    """The lease of an instance."""

    @extend_schema(operation_id="instances_renew", request=shapes.BeatBody, responses=shapes.GrantOut)
    def put(self, request: Request, service: str, instance_id: str) -> Response:
        """Take a heartbeat."""
        access.check_own(self.caller, service)
        body = self.body(shapes.BeatBody)
        incarnation, load = body.pop("incarnation", ""), Load(**body)
        grant: Grant = services.lease_renew(
            **self.asked, instance_id=instance_id, incarnation=incarnation, load=load
        )  # fmt: skip
        return self.ok(dataclasses.asdict(grant))


class _StateChange(RegistryView):
    """The base of the actions that change a state."""

    state: ClassVar[str]

    @extend_schema(request=shapes.ReasonBody, responses=shapes.InstanceOut)
    def post(self, request: Request, service: str, instance_id: str) -> Response:
        """Change the state: by the instance itself, or by an admin."""
        access.check_control(self.caller, service)
        reason = self.body(shapes.ReasonBody)["reason"]
        work = services.instance_set_state(
            **self.asked, service=service, instance_id=instance_id, state=self.state, reason=reason
        )
        return self.ok(access.document(self.caller, self.registry.wait_for(work)))


@extend_schema_view(post=extend_schema(operation_id="instances_drain"))
class Drain(_StateChange):
    """No new requests; what is in flight is finished."""

    state = "draining"


@extend_schema_view(post=extend_schema(operation_id="instances_maintain"))
class Maintenance(_StateChange):
    """No requests until an operator resumes it."""

    state = "maintenance"


@extend_schema_view(post=extend_schema(operation_id="instances_resume"))
class Resume(_StateChange):
    """Ends draining and maintenance."""

    state = "up"


class Document(RegistryView):
    """The OpenAPI document of this interface."""

    schema = None

    def get(self, request: Request) -> Response:
        """Generate the document."""
        return self.ok(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


document = Document.as_view()
