"""The Django app of log records."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Has no models: records live in files of their own, or in PostgreSQL partitions."""

    name = "logger_svc.records"
    label = "records"
