"""The Django app of the Registry."""

from django.apps import AppConfig


class InstancesConfig(AppConfig):
    """Holds the registrations and their history."""

    name = "registry_svc.instances"
    label = "instances"
