"""The Registry's HTTP paths."""

from django.urls import include, path

urlpatterns = [path("", include("registry_svc.instances.api.urls"))]
handler400 = "libs.webapi.problem.bad_request"
handler404 = "libs.webapi.problem.not_found"
handler500 = "libs.webapi.problem.server_error"
