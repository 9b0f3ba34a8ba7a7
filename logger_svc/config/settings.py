"""Settings of the Logger service: the platform's base, and what is its own."""

from libs.service.settings import *
from logger_svc.config.limits import *

SERVICE = "logger"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.webapi", "logger_svc.records"]
ROOT_URLCONF = "logger_svc.config.urls"
ASGI_APPLICATION = "logger_svc.config.asgi.application"
LOG_SINK = "logger_svc.records.sink.LocalSink"
SERVE_PARTS = ["logger_svc.records.retention.Retention"]
configure(globals())
