"""Addresses of the TODO service."""

from django.urls import include, path

from libs.webapi.openapi import document

handler400 = "libs.webapi.problem.bad_request"
handler404 = "libs.webapi.problem.not_found"
handler500 = "libs.webapi.problem.server_error"

urlpatterns = [
    path("", include("todo_svc.todos.api.urls")),
    path("openapi.json", document),
]
