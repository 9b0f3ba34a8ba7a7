"""The ASGI application: the platform's paths, then the pipeline."""

from gateway_svc.routing.application import make_application

application = make_application()
