"""The Django app that holds the table of idempotency keys."""

from django.apps import AppConfig


class WebapiConfig(AppConfig):
    """Installed by services whose POST and PATCH take an Idempotency-Key."""

    name = "libs.webapi"
    label = "webapi"
    default_auto_field = "django.db.models.BigAutoField"
