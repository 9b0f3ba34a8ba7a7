"""The Celery app of Auth's worker."""

from libs.eventbus.celery import make_app

app = make_app("auth")
