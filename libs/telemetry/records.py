"""A log record as JSON values, in the terms of the OpenTelemetry log data model."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from libs.telemetry import context

#: The attribute of a LogRecord that holds structlog's keyword arguments.
ATTRIBUTES = "mt_attributes"
CONTEXT_FIELDS = ("request_id", "trace_id", "span_id", "user_id")
MAX_MESSAGE = 16 * 1024
LEVELS = {"CRITICAL": "ERROR", "FATAL": "ERROR", "WARN": "WARNING"}


class Origin:
    """The service and instance whose records these are; set once by `configure`."""

    service = ""
    instance = ""


def to_json_values(record: logging.LogRecord) -> dict[str, Any]:
    """Turn `record` into a dict with the ids bound in the calling context. Call it in the thread that logged."""
    bound = context.current()
    attributes = {**getattr(record, ATTRIBUTES, {}), **{k: v for k, v in bound.items() if k not in CONTEXT_FIELDS}}
    if record.exc_info:
        attributes["exception"] = "".join(traceback.format_exception(*record.exc_info))[-MAX_MESSAGE:]
    return {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "service": Origin.service,
        "instance": Origin.instance,
        "level": LEVELS.get(record.levelname, record.levelname),
        "logger": record.name,
        "message": _message(record)[:MAX_MESSAGE],
        **{name: bound.get(name, "") for name in CONTEXT_FIELDS},
        "attributes": attributes,
    }


def to_line(values: dict[str, Any]) -> bytes:
    """Write a record as one NDJSON line; what JSON does not know is written as text."""
    return json.dumps(values, default=str, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + b"\n"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001  (a log call with wrong arguments must not raise where it stands)
        return f"{record.msg!r} could not be formatted with {record.args!r}: {error!r}"
