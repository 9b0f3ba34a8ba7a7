"""The HTTP doors of Events."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from events_svc.deliveries import selectors
from events_svc.deliveries.api import serializers
from events_svc.deliveries.models import Delivery, Subscription
from events_svc.deliveries.services import replaying, subscribing
from libs.contracts.errors import PermissionDenied, ValidationFailed
from libs.webapi.access import Service
from libs.webapi.serializers import Query
from libs.webapi.views import View


class SubscriptionCollection(View):
    """Who wants which events."""

    access = Service("*")
    Params = Query

    @extend_schema(operation_id="subscriptions_list")
    def get(self, request: Request) -> Response:
        """List the caller's subscriptions; the dashboard sees all."""
        rows = Subscription.objects.all()
        if self.caller.kind != "admin":
            rows = rows.filter(service=self.caller.service)
        return self.page(rows, keys=("service", "id"), render=serializers.subscription)

    @extend_schema(operation_id="subscriptions_replace", request=serializers.SubscriptionBody)
    def post(self, request: Request) -> Response:
        """Replace the caller's subscriptions."""
        body = self.body(serializers.SubscriptionBody)
        service = self.caller.service
        if not body["queue"].startswith(f"{service}."):
            raise ValidationFailed.of("/queue", "foreign_queue", f"queues of {service} begin with {service}.")
        active = subscribing.subscriptions_replace(service=service, **body)
        return self.ok({"items": [serializers.subscription(row) for row in active]})


class EventCollection(View):
    """The event log."""

    access = Service("admin")
    Params = serializers.EventParams

    @extend_schema(operation_id="events_list")
    def get(self, request: Request) -> Response:
        """List events, the newest first."""
        params = self.params()
        rows = selectors.events_matching(
            event_type=params.get("type", ""),
            aggregate_id=params.get("aggregate_id", ""),
            request_id=params.get("request_id", ""),
            since=params.get("since"),
        )
        return self.page(rows, keys=("-id",), render=serializers.event)


class DeliveryCollection(View):
    """The deliveries."""

    access = Service("admin")
    Params = serializers.DeliveryParams

    @extend_schema(operation_id="deliveries_list")
    def get(self, request: Request) -> Response:
        """List deliveries, the newest first."""
        wanted: dict[str, Any] = {name: value for name, value in self.params().items() if name in _DELIVERY_FILTERS}
        rows = Delivery.objects.filter(**wanted).select_related("event")
        return self.page(rows, keys=("-id",), render=serializers.delivery)


_DELIVERY_FILTERS = ("status", "subscriber")


class DeliveryRetry(View):
    """One more round for a delivery."""

    access = Service("admin")

    @extend_schema(operation_id="deliveries_retry", request=None)
    def post(self, request: Request, delivery_id: int) -> Response:
        """Send a delivery that waits, is parked or dead, or was given up, now."""
        return self.accepted(serializers.delivery(replaying.delivery_retry(delivery_id=delivery_id)))


class DeliverySkip(View):
    """A delivery that is given up."""

    access = Service("admin")

    @extend_schema(operation_id="deliveries_skip", request=None)
    def post(self, request: Request, delivery_id: int) -> Response:
        """Let later events of the aggregate go on without this one."""
        return self.ok(serializers.delivery(replaying.delivery_skip(delivery_id=delivery_id)))


class ReplayCollection(View):
    """Replays."""

    access = Service("*")

    @extend_schema(operation_id="replays_create", request=serializers.ReplayBody)
    def post(self, request: Request) -> Response:
        """Deliver events again; a service may ask for itself, the dashboard for everybody."""
        body = self.body(serializers.ReplayBody)
        if self.caller.kind != "admin" and self.caller.service != body["subscriber"]:
            raise PermissionDenied("a service replays for itself only", code="caller_not_permitted")
        return self.accepted({"deliveries": replaying.replay(event_type=body.pop("type"), **body)})


class Stats(View):
    """Depths, ages and rates."""

    access = Service("admin")

    @extend_schema(operation_id="stats_read")
    def get(self, request: Request) -> Response:
        """Show how the deliveries stand."""
        return self.ok(selectors.stats())


class Confirm(View):
    """What the relays of publishers ask before they forget an event, or give it up."""

    access = Service("*")

    @extend_schema(operation_id="events_confirm", request=serializers.ConfirmBody)
    def post(self, request: Request) -> Response:
        """Tell which of the caller's events are stored, and which of the others were refused."""
        ids, source = self.body(serializers.ConfirmBody)["ids"], self.caller.service
        stored = selectors.stored_ids(source, ids)
        missing = sorted(set(ids) - set(stored))
        return self.ok({"stored": stored, "refused": selectors.refusals_of(source, missing)})
