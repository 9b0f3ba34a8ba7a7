"""The Celery app of a service. Code sends through `libs.eventbus.transports`; only workers need the app itself."""

from functools import cache

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

from libs.eventbus import conf


@cache
def make_app(service: str) -> Celery:
    """Make the app of `service` for the broker of the settings; ImproperlyConfigured where that one does not fit."""
    app = Celery(service, set_as_current=True)
    app.conf.update(conf.settings_for(settings.BROKER_URL))
    app.autodiscover_tasks(lambda: settings.INSTALLED_APPS)
    return app


@setup_logging.connect
def _keep_logging(**kwargs: object) -> None:
    """Keep Celery from setting up logging: that is done already."""
