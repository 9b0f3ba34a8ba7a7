"""Settings of the Admin service: the platform's base, what a web site for people needs, and its theme."""

from admin_svc.config.web import *

SERVICE = "admin"
INSTALLED_APPS = [*WEB_APPS, *PLATFORM_APPS, "admin_svc.dashboard.apps.DashboardConfig"]
ROOT_URLCONF = "admin_svc.config.urls"
ASGI_APPLICATION = "admin_svc.config.asgi.application"
BRIDGE = False
HTTP_PORT = HTTP_PORT or 8082
configure(globals())
