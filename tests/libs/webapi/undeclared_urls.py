"""One view without an access declaration."""

from django.urls import path

from tests.libs.webapi.urls import Undeclared

urlpatterns = [path("undeclared", Undeclared.as_view())]
