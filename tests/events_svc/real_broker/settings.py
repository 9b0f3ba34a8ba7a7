"""The subscriber: a service `todo` whose reactions leave a row each."""

from libs.service.settings import *

SERVICE = "todo"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.eventbus", "tests.events_svc.real_broker.effects"]
REACTIONS = "tests.events_svc.real_broker.effects.reactions.REACTIONS"
WORKER_QUEUES = ["todo.events"]
configure(globals())
