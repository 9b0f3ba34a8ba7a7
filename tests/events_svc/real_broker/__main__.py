"""`python -m tests.events_svc.real_broker events|todo ARGUMENTS`: one process of that service, without a Registry."""

import logging
import sys
from importlib import import_module

import django

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)  # of Celery and kombu
    django.setup()
    import_module(f"tests.events_svc.real_broker.{sys.argv[1]}_process").main(*sys.argv[2:])
