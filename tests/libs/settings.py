"""A small Django project in which the parts of libs that need one are tested; it plays the TODO service."""

from libs.service.settings import *

SERVICE = "todo"
INSTALLED_APPS = [*PLATFORM_APPS, "libs.webapi", "libs.eventbus"]
ROOT_URLCONF = "tests.libs.webapi.urls"
configure(globals())

from libs.testing.settings import *  # noqa: E402
