"""The Celery app of the Events worker."""

from libs.eventbus.celery import make_app

app = make_app("events")
