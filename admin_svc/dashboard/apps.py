"""The two Django apps of this service: the dashboard, and Django's admin with the dashboard's site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class AdminSiteConfig(AdminConfig):
    """Django's admin, whose site is ours."""

    default_site = "admin_svc.dashboard.site.DashboardSite"


class DashboardConfig(AppConfig):
    """Services, logs, events and requests of the whole system, live."""

    name = "admin_svc.dashboard"
    verbose_name = "Operations"
