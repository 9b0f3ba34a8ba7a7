"""Settings of the Registry: the platform's base, and what is its own."""

from libs.service import env
from libs.service.settings import *

SERVICE = "registry"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.webapi", "libs.eventbus", "registry_svc.instances"]
ROOT_URLCONF = "registry_svc.config.urls"
ASGI_APPLICATION = "registry_svc.config.asgi.application"
BRIDGE = False  # its API is public: its own gRPC service, and HTTP
REGISTERS = False  # it writes its own row
HTTP_PORT = HTTP_PORT or 8081
GRPC_PORT = GRPC_PORT or 8091
LEASE_TTL = env.number("MT_LEASE_TTL", 3.0, minimum=0.3, help="Registry: seconds of silence until an instance is down.")
BEATS_PER_SECOND = env.integer(
    "MT_BEATS_PER_SECOND",
    1000,
    minimum=1,
    help="Registry: beats it takes a second; with more leases each beats slower.",
)
WARM_UP_SECONDS = env.number(
    "MT_WARM_UP_SECONDS", 0.0, help="Registry: seconds after a start in which nobody is evicted; at least one lease."
)
STALL_SECONDS = env.number(
    "MT_STALL_SECONDS", 0.5, minimum=0.1, help="Registry: a standstill this long gives all leases their time anew."
)
EVICT_PERCENT = env.integer(
    "MT_EVICT_PERCENT", 15, maximum=100, help="Registry: share of a type evicted per sweep when many fall silent."
)
MAX_TRANSITIONS = env.integer(
    "MT_MAX_TRANSITIONS",
    6,
    help="Registry: changes between up and down a minute, then an instance is held down; 0: any.",
)
REAP_AFTER = env.number("MT_REAP_AFTER", 120.0, help="Registry: seconds until a down instance is forgotten.")
CHECKS_PER_SECOND = env.integer(
    "MT_CHECKS_PER_SECOND",
    200,
    minimum=1,
    help="Registry: health checks it makes a second; with more to do, less often.",
)
REGISTER_RATE = env.number(
    "MT_REGISTER_RATE", 5.0, minimum=0.1, help="Registry: registrations a second that one instance may make."
)
WATCH_RATE = env.number(
    "MT_WATCH_RATE", 20.0, minimum=0.1, help="Registry: watches a second that one caller may open from one address."
)
HISTORY_DAYS = env.integer("MT_HISTORY_DAYS", 30, minimum=1, help="Registry: days that the history of states is kept.")
configure(globals())
