"""Addresses of the dashboard's pages, inside the admin site."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from admin_svc.dashboard.views import events, logs, services, timeline


def page_urls(site: AdminSite) -> list[URLPattern]:
    """Make the pages' addresses; each page wants a signed-in member of staff."""
    pages = (
        ("services/", services.overview, "dashboard_services"),
        ("services/partial/", services.overview_partial, "dashboard_services_partial"),
        ("services/<slug:service>/<slug:instance>/", services.instance_detail, "dashboard_instance"),
        ("services/<slug:service>/<slug:instance>/<slug:verb>/", services.instance_action, "dashboard_instance_action"),
        ("logs/", logs.logs, "dashboard_logs"),
        ("logs/records/", logs.records, "dashboard_log_records"),
        ("events/", events.events, "dashboard_events"),
        ("events/partial/", events.events_partial, "dashboard_events_partial"),
        ("events/deliveries/<str:delivery>/retry/", events.retry, "dashboard_delivery_retry"),
        ("events/deliveries/<str:delivery>/skip/", events.skip, "dashboard_delivery_skip"),
        ("events/replays/", events.replay, "dashboard_replay"),
        ("timeline/", timeline.timeline, "dashboard_timeline"),
    )
    return [path(route, site.admin_view(view), name=name) for route, view, name in pages]
