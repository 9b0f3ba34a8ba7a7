"""What is told of each request afterwards: one line in the access log, counters and a histogram."""

import structlog
from prometheus_client import Counter, Histogram

from gateway_svc.routing.visit import Visit

log = structlog.get_logger("gateway.access")

REQUESTS = Counter("mt_gateway_requests", "Requests answered", ["service", "method", "status"])
SECONDS = Histogram("mt_gateway_request_seconds", "Time from the request to its answer", ["service"])
RETRIES = Counter("mt_gateway_retries", "Requests sent to a second instance", ["service"])
DROPPED_HEADERS = Counter("mt_gateway_dropped_headers", "Request headers dropped for an ambiguous name")


def observe(visit: Visit, status: int) -> None:
    """Log and count a finished visit. The path is logged without its query, which may hold what people search for."""
    seconds = visit.seconds
    service = visit.service or "none"
    REQUESTS.labels(service, visit.method, str(status)).inc()
    SECONDS.labels(service).observe(seconds)
    if visit.attempts > 1:
        RETRIES.labels(service).inc()
    if visit.dropped_headers:
        DROPPED_HEADERS.inc(visit.dropped_headers)
    log.info(
        "request",
        method=visit.method,
        path=visit.path,
        route=visit.route,
        status=status,
        ms=round(seconds * 1000, 2),
        upstream_service=service,
        upstream_instance=visit.instance,
        request_id=visit.request_id,
        client_request_id=visit.client_request_id,
        client_ip=visit.origin.client_ip,
        user_id=visit.principal.user_id if visit.principal else "",
    )
