"""The admin site; the root leads to the overview."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:dashboard_services")),
    path("admin/", admin.site.urls),
]
