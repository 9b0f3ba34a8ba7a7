"""The Celery app of TODO's worker."""

from libs.eventbus.celery import make_app

app = make_app("todo")
