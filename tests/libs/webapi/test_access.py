import pytest

from libs.service.checks import views_declare_access

pytestmark = pytest.mark.django_db


def test_a_user_view_needs_a_user_and_the_scope(api):
    nobody = api.anonymous().get("/things")
    assert (nobody.status_code, nobody["WWW-Authenticate"]) == (401, "Bearer")
    reader = api.as_user("u1", "lists:read")
    assert reader.get("/things").status_code == 200
    assert reader.post("/things", json={"name": "a"}).json()["code"] == "insufficient_scope"


def test_a_service_view_is_hidden_from_outside_and_closed_to_other_services(api):
    assert api.as_service("gateway").get("/inside").status_code == 200
    assert api.as_user("u1").get("/inside").status_code == 404
    assert api.external().get("/inside").status_code == 401
    assert api.as_service("todo").get("/inside").status_code == 403


def test_the_check_names_a_view_that_declares_nothing(settings):
    assert views_declare_access(None) == []
    settings.ROOT_URLCONF = "tests.libs.webapi.undeclared_urls"

    assert "Undeclared declares no access" in views_declare_access(None)[0].msg
