"""The gateway's own pages; everything else is routed to services before Django."""

from django.urls import include, path

urlpatterns = [path("", include("gateway_svc.routing.api.urls"))]

handler400 = "libs.webapi.problem.bad_request"
handler404 = "libs.webapi.problem.not_found"
handler500 = "libs.webapi.problem.server_error"
