"""The admin site: Django's own, with the dashboard's pages and a sign-in that can't be guessed at speed."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from admin_svc.dashboard.forms import LoginForm
from admin_svc.dashboard.theme import AdminSite


class DashboardSite(AdminSite):
    """Django's admin site with services, logs, events and request timelines."""

    site_title = site_header = "Micro TODO"
    index_title = "Operations"
    login_form = LoginForm
    enable_nav_sidebar = True

    def get_urls(self) -> list[Any]:
        """Put the dashboard's pages before the admin's."""
        from admin_svc.dashboard.urls import page_urls  # noqa: PLC0415  (the site is made before the apps are ready)

        return [*page_urls(self), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Lead to the overview."""
        return redirect("admin:dashboard_services")

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign in; 429 with Retry-After while the door is closed."""
        response: HttpResponse = super().login(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        wait = getattr(context.get("form"), "retry_after", 0)
        if wait:
            response.status_code = 429
            response.headers["Retry-After"] = str(wait)
        return response
