"""The HTTP port: health and metrics only; the API is on the bridge."""

from libs.service.asgi import internal_application

application = internal_application()
