"""Metrics are Prometheus text: services make theirs with `prometheus_client`, and /metrics renders all of them."""

from prometheus_client import REGISTRY, generate_latest

#: What `render` gives.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render() -> bytes:
    """Give all metrics of this process."""
    return generate_latest(REGISTRY)
