"""Settings of the gateway: the platform's base, and what is its own."""

from gateway_svc.config.policy import *
from libs.service.settings import *

SERVICE = "gateway"
INSTALLED_APPS = [*PLATFORM_APPS, "gateway_svc.routing"]
ROOT_URLCONF = "gateway_svc.config.urls"
ASGI_APPLICATION = "gateway_svc.config.asgi.application"
HTTP_PORT = HTTP_PORT or 8080
configure(globals())
