"""The Events service with the overlay of tests, which must come last."""

from events_svc.config.settings import *
from libs.testing.settings import *
