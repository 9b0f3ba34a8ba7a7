"""The ASGI application: the platform's paths, then the pipeline."""

from gateway_svc.routing.application import make_application
from libs.service.asgi import platform_paths

application = platform_paths(make_application())
