import pytest

pytestmark = pytest.mark.django_db


def test_the_document_is_3_1_and_shows_only_public_operations(api):
    document = api.as_service("gateway").get("/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {"/rows", "/columns", "/things"}
    assert document["paths"]["/things"]["post"]["security"] == [{"bearer": ["lists:write"]}]
    assert "application/problem+json" in document["paths"]["/rows"]["get"]["responses"]["default"]["content"]


def test_the_document_is_for_the_gateway_alone(api):
    assert api.as_service("todo").get("/openapi.json").status_code == 403
    assert api.anonymous().get("/openapi.json").status_code == 404
