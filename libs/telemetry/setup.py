"""Logging of a process: structlog in front, stdlib behind, JSON lines on stdout."""

import logging
import sys
from typing import Any

import structlog

from libs.telemetry.records import ATTRIBUTES, Origin, to_json_values, to_line

#: Loggers that would tell at INFO what our own access log tells better.
QUIET = ("uvicorn.access", "uvicorn.error", "grpc", "kombu", "amqp", "celery.redirected", "asyncio", "urllib3")


class JsonHandler(logging.StreamHandler[Any]):
    """Writes one JSON line per record."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line without its end."""
        return to_line(to_json_values(record)).decode()[:-1]


def configure(service: str, instance: str, level: str) -> None:
    """Make `structlog.get_logger(name)` and stdlib loggers write records of this service at `level` and above."""
    Origin.service, Origin.instance = service, instance
    root = logging.getLogger()
    for handler in [*root.handlers]:
        root.removeHandler(handler)
    root.addHandler(JsonHandler(sys.stdout))
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, to_stdlib],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def to_stdlib(logger: Any, method: str, event: Any) -> tuple[tuple[str], dict[str, Any]]:
    """Structlog's last processor: hand the event's text to stdlib, and its keywords as one attribute of the record."""
    text = str(event.pop("event", ""))
    options = {name: event.pop(name) for name in ("exc_info", "stack_info") if name in event}
    return (text,), {**options, "extra": {ATTRIBUTES: dict(event)}}
