"""The publisher, or the subscriber that FANOUT_SERVICE names; both sides use the same."""

import os

from libs.service.settings import *

SERVICE = os.environ["FANOUT_SERVICE"]
INSTALLED_APPS = [*PLATFORM_APPS, "libs.eventbus", "tests.benchmarks.fanout"]
REACTIONS = "tests.benchmarks.fanout.reactions.REACTIONS"
WORKER_QUEUES = [f"{SERVICE}.events"]
configure(globals())
