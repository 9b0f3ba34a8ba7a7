"""`python -m tests.benchmarks.fanout worker` or `publisher ours|raw`: one process."""

import logging
import sys
from importlib import import_module

import django
import structlog

if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    django.setup()
    import_module(f"tests.benchmarks.fanout.{sys.argv[1]}").main(*sys.argv[2:])
