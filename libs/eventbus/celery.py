"""The Celery app of a service. Code sends through `libs.eventbus.transports`; only workers need the app itself."""

from functools import cache

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from django.conf import settings
from django.db import close_old_connections

from libs.eventbus import conf


@cache
def make_app(service: str) -> Celery:
    """Make the app of `service` for the broker of the settings; ImproperlyConfigured where that one does not fit."""
    app = Celery(service, set_as_current=True)
    app.conf.update(conf.settings_for(settings.BROKER_URL))
    app.autodiscover_tasks(lambda: settings.INSTALLED_APPS)
    return app


@task_prerun.connect
@task_postrun.connect
def _close_old_connections(**kwargs: object) -> None:
    """Close database connections that are broken or too old, as Django does around each request."""
    close_old_connections()


@setup_logging.connect
def _keep_logging(**kwargs: object) -> None:
    """Keep Celery from setting up logging: that is done already."""
