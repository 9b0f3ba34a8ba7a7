"""`python -m tests.chaos.events publisher|events|subscriber ARGUMENTS`: one such process, without a Registry."""

import logging
import sys
from importlib import import_module

import django
import structlog

if __name__ == "__main__":
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f"),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    logging.basicConfig(level=logging.WARNING)  # of Celery and kombu
    django.setup()
    import_module(f"tests.chaos.events.{sys.argv[1]}").main(*sys.argv[2:])
