"""Metrics in Prometheus text. Asking twice for the same name gives the same metric, so modules can share one."""

from collections.abc import Sequence
from functools import lru_cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

#: Seconds; from a cached answer to the longest deadline.
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@lru_cache
def counter(name: str, help: str, *labels: str) -> Counter:  # noqa: A002
    """Give the counter `name` (its samples end in `_total`)."""
    return Counter(name, help, labels)


@lru_cache
def gauge(name: str, help: str, *labels: str) -> Gauge:  # noqa: A002
    """Give the gauge `name`."""
    return Gauge(name, help, labels)


@lru_cache
def histogram(name: str, help: str, *labels: str, buckets: Sequence[float] = LATENCY_BUCKETS) -> Histogram:  # noqa: A002
    """Give the histogram `name`; `buckets` is a tuple of upper bounds in seconds."""
    return Histogram(name, help, labels, buckets=buckets)


def render() -> bytes:
    """Write all metrics of this process, as /metrics answers them."""
    return generate_latest(REGISTRY)
