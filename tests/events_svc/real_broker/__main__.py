"""`python -m tests.events_svc.real_broker events|todo ARGUMENTS`: one process of that service, without a Registry."""

import sys
from importlib import import_module

import django

if __name__ == "__main__":
    django.setup()
    import_module(f"tests.events_svc.real_broker.{sys.argv[1]}_process").main(*sys.argv[2:])
