"""configure(): structlog and the standard library's logging become JSON lines on standard output."""

import logging
import threading
from pathlib import Path
from types import MappingProxyType

import structlog

from libs.telemetry.lines import Renderer
from libs.telemetry.logfile import LogFile
from libs.telemetry.outlet import Current, EventLogger, Outlet, StdlibHandler

#: Loggers that say too much: the level below which they are not heard, whatever LOG_LEVEL is.
FLOORS = MappingProxyType(
    {
        "amqp": logging.INFO,
        # Every task with its payload, and events carry addresses of people.
        "celery.app.trace": logging.WARNING,
        "celery.worker.strategy": logging.WARNING,
        "asyncio": logging.INFO,
        # It connects again by itself, and writes a stack trace for each time that Redis is away.
        "channels_redis.pubsub": logging.CRITICAL,
        "kombu": logging.INFO,
        "urllib3": logging.INFO,
        "uvicorn.error": logging.WARNING,
        # A 4xx is the client's mistake and the normal case; Django would warn of each.
        "django.request": logging.ERROR,
    }
)


def configure(service: str, instance: str, level: str = "INFO", file: str = "") -> None:
    """Write all records from `level` up as JSON lines with `service` and `instance`; call it once, at the start.

    With `file`, a path, all output of this process goes there, and the file is kept from growing without end.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    Current.outlet = Outlet(Renderer(service, instance), level=number, file=LogFile(Path(file)) if file else None)
    structlog.configure(
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        context_class=dict,
        logger_factory=EventLogger,
        cache_logger_on_first_use=True,
    )
    logging.root.handlers[:] = [StdlibHandler()]
    logging.root.setLevel(number)
    for name, floor in FLOORS.items():
        logging.getLogger(name).setLevel(max(number, floor))
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_died


def _thread_died(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else ""
    if not issubclass(args.exc_type, SystemExit):
        structlog.get_logger(__name__).error("a thread died", thread=name, exc_info=args.exc_value)
