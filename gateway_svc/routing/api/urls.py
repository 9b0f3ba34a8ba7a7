"""The URLs of the gateway's own pages."""

from django.urls import path

from gateway_svc.routing.api import internal, views

urlpatterns = [
    path("internal/v1/upstreams", internal.Upstreams.as_view()),
    path("v1/openapi.json", views.openapi),
    path("docs", views.explorer),
    path("docs/", views.explorer),
    path("docs/<str:name>", views.asset),
]
