"""Addresses of log records."""

from django.urls import path

from logger_svc.records.api import views

urlpatterns = [
    path("v1/logs", views.Logs.as_view()),
    path("v1/logs/services", views.LogSources.as_view()),
    path("v1/logs/tail", views.LogTail.as_view()),
]
