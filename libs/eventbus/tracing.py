"""The request and trace an event belongs to: taken from where it is published, restored where it is applied."""

import re
from typing import Any

from libs.eventbus.envelope import Envelope
from libs.telemetry import context

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")


def trace_attributes() -> dict[str, str]:
    """Give `request_id` and `traceparent` of what this thread is doing."""
    now = context.current()
    trace_id, span_id = now.get("trace_id", ""), now.get("span_id", "")
    traceparent = f"00-{trace_id}-{span_id}-01" if trace_id and span_id else ""
    return {"request_id": now.get("request_id", ""), "traceparent": traceparent}


def fields_of(envelope: Envelope) -> dict[str, Any]:
    """Give the context in which a reaction to `envelope` runs and logs."""
    fields = {"request_id": envelope.request_id, "user_id": envelope.actor_id}
    found = _TRACEPARENT.match(envelope.traceparent)
    if found:
        fields |= {"trace_id": found[1], "span_id": found[2]}
    return {name: value for name, value in fields.items() if value}
