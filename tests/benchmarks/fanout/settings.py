"""The publisher, or the subscriber that FANOUT_SERVICE names.

Both sides use the same, except for the pool of connections to PostgreSQL: Celery would close and open it for each task.
"""

import os

from libs.service.settings import *

SERVICE = os.environ["FANOUT_SERVICE"]
INSTALLED_APPS = [*PLATFORM_APPS, "libs.eventbus", "tests.benchmarks.fanout"]
REACTIONS = "tests.benchmarks.fanout.reactions.REACTIONS"
WORKER_QUEUES = [f"{SERVICE}.events"]
configure(globals())
if os.environ["FANOUT_SIDE"] == "raw":
    DATABASES["default"]["OPTIONS"].pop("pool", None)
