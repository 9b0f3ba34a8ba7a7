import pytest

from libs.service.checks import views_declare_access

pytestmark = pytest.mark.django_db


def test_a_user_view_needs_a_user_and_the_scope(api):
    nobody = api.anonymous().get("/things")
    assert (nobody.status_code, nobody["WWW-Authenticate"]) == (401, "Bearer")
    reader = api.as_user("u1", "lists:read")
    assert reader.get("/things").status_code == 200
    assert reader.post("/things", json={"name": "a"}).json()["code"] == "insufficient_scope"


def test_a_bad_token_is_named_where_a_user_is_needed_and_harmless_where_none_is(api):
    expired = api.anonymous(token_error="the access token is not valid: it has expired")

    refused = expired.get("/things")

    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert (refused.json()["code"], refused.json()["detail"][-11:]) == ("invalid_token", "has expired")
    assert expired.get("/rows").status_code == 200


def test_a_service_view_is_hidden_from_outside_and_closed_to_other_services(api):
    assert api.as_service("gateway").get("/inside").status_code == 200
    assert api.as_user("u1").get("/inside").status_code == 404
    assert api.external().get("/inside").status_code == 401
    assert api.as_service("todo").get("/inside").status_code == 403


def test_the_check_names_a_view_that_declares_nothing(settings):
    assert views_declare_access(None) == []
    settings.ROOT_URLCONF = "tests.libs.webapi.undeclared_urls"

    assert "Undeclared declares no access" in views_declare_access(None)[0].msg
