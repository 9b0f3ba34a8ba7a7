"""What only the platform may ask: how the services look from this gateway."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_svc.routing import selectors
from gateway_svc.routing.application import Current
from libs.discovery import directory
from libs.webapi.access import Service


class Upstreams(APIView):
    """Services and instances as this gateway process sees them."""

    access = Service("gateway", "admin")

    def get(self, request: Request) -> Response:
        """Give breakers, budgets, requests under way, ejections and latencies."""
        services = Current.gateway.upstream.services if Current.gateway else {}
        return Response({"items": selectors.upstreams(directory(), services)})
