"""Logs and metrics of every process: JSON lines on stdout, and the same records shipped to Logger in batches.

`configure` sets up structlog and stdlib logging; `ship` starts the thread that sends what was logged; `context` binds
the ids of the current request; `metrics` renders Prometheus text. Nothing here knows where the records go: the sink is
injected.
"""

from libs.telemetry.batches import Batch, Sink
from libs.telemetry.setup import configure
from libs.telemetry.shipping import Shipper, ship

__all__ = ["Batch", "Shipper", "Sink", "configure", "ship"]
