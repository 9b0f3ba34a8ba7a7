"""What is told of requests and attempts: one line in the access log, counters and histograms.

The children of metrics are looked up once for each combination of labels: the lookup by itself takes longer than the
counting.
"""

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway_svc.routing.visit import Visit
from libs.telemetry.outlet import Series

REQUESTS = Counter("mt_gateway_requests", "Requests answered", ["service", "route", "method", "status"])
SECONDS = Histogram("mt_gateway_request_seconds", "Time from the request to its answer", ["service", "route"])
ATTEMPTS = Histogram("mt_gateway_attempt_seconds", "Time an instance took", ["service", "instance", "outcome"])
RETRIES = Counter("mt_gateway_retries", "Requests sent to another instance", ["service"])
BUDGET_SPENT = Counter("mt_gateway_retries_refused", "Retries that the budget did not allow", ["service"])
EJECTIONS = Counter("mt_gateway_ejections", "Instances passed over after failures in a row", ["service", "instance"])
BREAKERS = Counter("mt_gateway_breaker_openings", "Times that the breaker of a service opened", ["service"])
DROPPED_HEADERS = Counter("mt_gateway_dropped_headers", "Request headers dropped for an ambiguous name")

_requests = lru_cache(4096)(REQUESTS.labels)
_seconds = lru_cache(1024)(SECONDS.labels)
_attempts = lru_cache(4096)(ATTEMPTS.labels)


class Observer:
    """Logs and counts visits when they are over."""

    def __init__(self) -> None:
        """Write the access log."""
        self._access = Series(logging.INFO, "gateway.access", "request")

    def note(self, visit: Visit, status: int) -> None:
        """Take note of a visit. Its path is logged without the query, which may hold what people search for."""
        seconds = visit.seconds
        service = visit.service or "none"
        _requests(service, visit.route, visit.method, str(status)).inc()
        _seconds(service, visit.route).observe(seconds)
        if visit.attempts > 1:
            RETRIES.labels(service).inc(visit.attempts - 1)
        if visit.head.dropped:
            DROPPED_HEADERS.inc(visit.head.dropped)
        self._access.add(
            {
                "method": visit.method,
                "path": visit.path,
                "route": visit.route,
                "status": status,
                "ms": round(seconds * 1000, 2),
                "upstream_service": service,
                "upstream_instance": visit.instance,
                "attempts": visit.attempts,
                "request_id": visit.request_id,
                "trace_id": visit.trace.parent.trace_id,
                "span_id": visit.trace.parent.span_id,
                "client_request_id": visit.head.client_request_id,
                "client_ip": visit.head.origin.client_ip,
                "user_id": visit.principal.user_id if visit.principal else "",
            }
        )


def attempt(service: str, instance_id: str, outcome: str, seconds: float) -> None:
    """Count one attempt at an instance: `answered`, `left` by the client, or a gRPC code in lower case."""
    _attempts(service, instance_id, outcome).observe(seconds)


class Gauges(Collector):
    """What is so at the moment: asked when /metrics is."""

    def __init__(self, services: Callable[[], Iterable[tuple[str, Any]]]) -> None:
        """Tell of `services`: name and `upstream.Service` each."""
        self._services = services

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Give the gauges."""
        in_flight = GaugeMetricFamily("mt_gateway_in_flight", "Requests under way", labels=["service"])
        breaker = GaugeMetricFamily("mt_gateway_breaker_open", "1 while the breaker is open", labels=["service"])
        retries = GaugeMetricFamily("mt_gateway_retries_left", "Retries that the budget allows", labels=["service"])
        ejected = GaugeMetricFamily("mt_gateway_ejected", "Instances passed over now", labels=["service"])
        for name, service in self._services():
            in_flight.add_metric([name], service.in_flight)
            breaker.add_metric([name], float(service.breaker.is_open))
            retries.add_metric([name], service.budget.left)
            ejected.add_metric([name], len(service.ejections.ejected()))
        return in_flight, breaker, retries, ejected

    def start(self) -> None:
        """Tell from now on."""
        REGISTRY.register(self)

    def stop(self) -> None:
        """End that."""
        REGISTRY.unregister(self)
