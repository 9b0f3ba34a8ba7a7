"""HTTP by Django, sockets by Channels; the lifespan starts and stops the hub."""

import os
from typing import cast

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "admin_svc.config.settings")
django_application = get_asgi_application()

from admin_svc.dashboard.hub.lifespan import lifespan  # noqa: E402  (needs the loaded apps)
from admin_svc.dashboard.routing import websocket_urlpatterns  # noqa: E402
from libs.service.asgi import Application, platform_paths  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": platform_paths(cast("Application", django_application)),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
        "lifespan": lifespan,
    }
)
