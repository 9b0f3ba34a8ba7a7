"""Addresses of the Logger service."""

from django.urls import include, path

from libs.webapi.openapi import document

handler400 = "libs.webapi.problem.bad_request"
handler404 = "libs.webapi.problem.not_found"
handler500 = "libs.webapi.problem.server_error"

urlpatterns = [
    path("", include("logger_svc.records.api.urls")),
    path("openapi.json", document),
]
