"""A subscriber; CHAOS_SERVICE is its name."""

import os

from libs.service.settings import *

SERVICE = os.environ["CHAOS_SERVICE"]
INSTALLED_APPS = [*PLATFORM_APPS, "libs.eventbus", "tests.chaos.events.effects"]
REACTIONS = "tests.chaos.events.effects.reactions.REACTIONS"
WORKER_QUEUES = [f"{SERVICE}.events"]
configure(globals())
