"""The entry behind each service's `manage.py`: a wrong setting is one clear line, not a stack trace."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from libs.identity.bundle import BundleError
from libs.identity.service_tokens import KeyFileError
from libs.service.env import ConfigurationError


def main(settings_module: str) -> None:
    """Run a management command of the service whose settings are `settings_module`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module)
    try:
        execute_from_command_line(sys.argv)
    except (ConfigurationError, ImproperlyConfigured, BundleError, KeyFileError) as error:
        sys.exit(f"{settings_module.split('.', maxsplit=1)[0]}: {error}")
