"""Settings of the Events service: the platform's base, and what is its own."""

from libs.service import env
from libs.service.settings import *

SERVICE = "events"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.webapi", "events_svc.deliveries"]
ROOT_URLCONF = "events_svc.config.urls"
ASGI_APPLICATION = "events_svc.config.asgi.application"
SERVE_PARTS = ["events_svc.deliveries.figures.Figures"]
WORKER_QUEUES = ["events", "events.acks"]
WORKER_PREFETCH = 4
WORKER_PARTS = ["events_svc.deliveries.dispatcher.Dispatcher", "events_svc.deliveries.sweeper.Sweeper"]
DELIVERY_LEASE_SECONDS = env.number(
    "MT_DELIVERY_LEASE_SECONDS",
    15.0,
    minimum=1.0,
    help="Time a subscriber has to acknowledge before it is asked again.",
)
DEAD_BLOCKS_SECONDS = env.number(
    "MT_DEAD_BLOCKS_SECONDS",
    7 * 86400.0,
    help="Time for which a dead or parked delivery holds later events of its aggregate back; 0: not at all.",
)
EVENTS_RETENTION_DAYS = env.integer(
    "MT_EVENTS_RETENTION_DAYS", 30, minimum=1, help="Days that delivered events are kept for replays."
)
EVENTS_ARCHIVE_DIR = env.text(
    "MT_EVENTS_ARCHIVE_DIR",
    "",
    help="Folder into which events are written before they are deleted, as gzipped JSON lines; empty: into none.",
)
configure(globals())
