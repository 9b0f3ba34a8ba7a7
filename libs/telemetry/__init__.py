"""Logs, traces and metrics of a process. It never stops or slows down what it reports on.

configure   structlog and the standard library's logging as JSON lines on standard output
ship        the same lines to Logger, by way of the disk while Logger is away
context     request, trace and user of the current thread or task
trace       W3C Trace Context
metrics     Prometheus
"""

from libs.telemetry.batch import Batch, Sink
from libs.telemetry.setup import configure
from libs.telemetry.shipper import Shipper, ship

__all__ = ["Batch", "Shipper", "Sink", "configure", "ship"]
