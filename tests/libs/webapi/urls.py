"""A tiny API over the idempotency table itself, so that the conventions are tested without a domain."""

from django.urls import path
from rest_framework import serializers

from libs.contracts.errors import Conflict, Unauthenticated
from libs.webapi import etags
from libs.webapi.access import Public, Service, User
from libs.webapi.models import IdempotencyKey
from libs.webapi.openapi import document
from libs.webapi.serializers import Query, Strict
from libs.webapi.views import View

effects: list[str] = []


class Rows(View):
    access = Public()

    class Params(Query):
        kind = serializers.ChoiceField(["a", "b"], required=False)

    def get(self, request):
        return self.page(IdempotencyKey.objects.all(), keys=("-body_hash", "id"), render=lambda row: row.scope)


class Columns(View):
    access = Public()
    Params = Query

    def get(self, request):
        keys = ("-body_hash", "id")
        return self.page(IdempotencyKey.objects.all(), columns=["scope"], keys=keys, render=lambda row: row[0])


class Inner(Strict):
    date = serializers.DateField()


class Things(View):
    access = User(read="lists:read", write="lists:write")

    class Body(Strict):
        name = serializers.CharField(max_length=5)
        kind = serializers.ChoiceField(["a", "b"], required=False)
        due = Inner(required=False, allow_null=True)

    def post(self, request):
        body = self.body(self.Body)
        if body["name"] == "taken":
            raise Conflict(code="taken")
        if body["name"] == "busy":
            raise Conflict(code="busy", retry_after=1)
        if body["name"] == "ended":
            raise Unauthenticated(code="ended")
        if body["name"] == "boom":
            raise ZeroDivisionError
        effects.append(body["name"])
        return self.created({"name": body["name"], "n": len(effects)}, location="/things/1", etag=etags.make(1))

    def patch(self, request):
        self.check_if_match(etags.make(3, "editor"), lambda: {"name": "now"})
        return self.ok(self.body(self.Body, partial=True))

    def get(self, request):
        return self.ok({"name": "x"}, etag=etags.make(3, "editor"))


class Inside(View):
    access = Service("gateway")

    def get(self, request):
        return self.ok({})


class Undeclared(View):
    def get(self, request):
        return self.ok({})


handler404 = "libs.webapi.problem.not_found"
handler400 = "libs.webapi.problem.bad_request"
handler500 = "libs.webapi.problem.server_error"
urlpatterns = [
    path("rows", Rows.as_view()),
    path("columns", Columns.as_view()),
    path("things", Things.as_view()),
    path("inside", Inside.as_view()),
    path("openapi.json", document),
]
