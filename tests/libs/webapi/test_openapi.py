import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from libs.testing.openapi import dangling
from libs.webapi.components import ANSWERS
from libs.webapi.openapi import with_problems

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(api):
    return api.as_service("gateway").get("/openapi.json").json()


def test_the_document_is_3_1_and_shows_only_public_operations(document):
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {"/rows", "/columns", "/things"}


def test_the_document_is_valid(document):
    OpenAPIV31SpecValidator(document).validate()
    assert dangling(document) == set()


def test_an_operation_says_which_scope_it_needs(document):
    post = document["paths"]["/things"]["post"]

    assert post["security"] == [{"bearer": ["lists:write"]}]
    assert post["x-required-scopes"] == ["lists:write"]
    assert post["description"].endswith("Needs the scope `lists:write`.")


def test_what_is_public_needs_nothing(document):
    get = document["paths"]["/rows"]["get"]

    assert "security" not in get
    assert "x-required-scopes" not in get
    assert "Needs" not in get.get("description", "")


def test_an_operation_names_the_problems_that_it_may_answer(document):
    public, own = document["paths"]["/rows"]["get"], document["paths"]["/things"]

    assert set(public["responses"]) == {"200", "400", "default"}
    assert {"400", "401", "403", "default"} <= set(own["get"]["responses"])


def test_a_body_may_be_invalid_and_an_object_missing():
    operation = {"requestBody": {}, "responses": {"201": {"description": ""}, "404": {"description": "Mine"}}}

    with_problems({"paths": {"/things/{id}": {"post": operation}}})

    assert set(operation["responses"]) == {"201", "400", "404", "422", "default"}
    assert operation["responses"]["201"] == {"description": "Created"}
    assert operation["responses"]["404"] == {"description": "Mine"}


def test_problems_are_shared_and_described_once(document):
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    problems = {
        status: response
        for operation in operations
        for status, response in operation["responses"].items()
        if not status.startswith("2")
    }

    assert problems == {status: {"$ref": f"#/components/responses/{ANSWERS[status][0]}"} for status in problems}
    shared = document["components"]["responses"]
    assert set(shared) == {ANSWERS[status][0] for status in problems}
    for response in shared.values():
        assert response["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_answer_is_described(document):
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert {
        response["description"]
        for operation in operations
        for response in operation["responses"].values()
        if "$ref" not in response
    } <= {"OK", "Created", "No response body"}


def test_the_document_is_for_the_gateway_alone(api):
    assert api.as_service("todo").get("/openapi.json").status_code == 403
    assert api.anonymous().get("/openapi.json").status_code == 404
