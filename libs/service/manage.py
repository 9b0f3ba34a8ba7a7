"""The entry behind each service's `manage.py`: a wrong setting is one clear line, not a stack trace."""

import logging
import os
import sys

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from libs.identity.bundle import BundleError
from libs.identity.service_tokens import KeyFileError
from libs.service.env import ConfigurationError


def main(settings_module: str) -> None:
    """Run a management command of the service whose settings are `settings_module`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    _log_to_stderr()
    try:
        execute_from_command_line(sys.argv)
    except (ConfigurationError, ImproperlyConfigured, BundleError, KeyFileError) as error:
        sys.exit(f"{settings_module.split('.', maxsplit=1)[0]}: {error}")


def _log_to_stderr() -> None:
    """Keep standard output for what a command prints; `serve` and `worker` set up their own logging."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
