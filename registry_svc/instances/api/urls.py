"""Paths of the Registry's HTTP interface."""

from django.urls import path

from registry_svc.instances.api import views

TYPE = "v1/services/<str:service>"
INSTANCE = f"{TYPE}/instances/<str:instance_id>"

urlpatterns = [
    path("v1/openapi.json", views.document),
    path("v1/services", views.Types.as_view()),
    path(f"{TYPE}/instances", views.Instances.as_view()),
    path(f"{TYPE}/resolve", views.Resolve.as_view()),
    path(f"{TYPE}/watch", views.Watch.as_view()),
    path(INSTANCE, views.InstanceItem.as_view()),
    path(f"{INSTANCE}/health", views.Health.as_view()),
    path(f"{INSTANCE}/lease", views.Lease.as_view()),
    path(f"{INSTANCE}/drain", views.Drain.as_view()),
    path(f"{INSTANCE}/maintenance", views.Maintenance.as_view()),
    path(f"{INSTANCE}/resume", views.Resume.as_view()),
]
