"""Settings of the Registry: the platform's base, and what is its own."""

from libs.service import env
from libs.service.settings import *

SERVICE = "registry"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.webapi", "registry_svc.instances"]
ROOT_URLCONF = "registry_svc.config.urls"
ASGI_APPLICATION = "registry_svc.config.asgi.application"
BRIDGE = False  # its API is public: its own gRPC service, and HTTP
REGISTERS = False  # it writes its own row
HTTP_PORT = HTTP_PORT or 8081
GRPC_PORT = GRPC_PORT or 8091
LEASE_TTL = env.number("MT_LEASE_TTL", 3.0, minimum=0.3, help="Registry: seconds of silence until an instance is down.")
REAP_AFTER = env.number("MT_REAP_AFTER", 120.0, help="Registry: seconds until a down instance is forgotten.")
EVICT_PERCENT = env.integer("MT_EVICT_PERCENT", 15, maximum=100, help="Registry: share of a type evicted per sweep.")
configure(globals())
