"""The OpenAPI document of this service."""

from typing import Any

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(api: Any) -> Any:
    return api.as_service("gateway").get("/openapi.json").json()


def test_each_operation_has_a_name_of_its_own_and_a_scope(document: Any) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) == 41
    assert all(operation["security"] for operation in operations)


def test_only_what_works_is_shown(document: Any) -> None:
    assert "/v1/tasks:batch" not in document["paths"]
    assert "recurrence" in document["components"]["schemas"]["TaskAnswer"]["required"]


def test_the_three_forms_of_a_due_are_described(document: Any) -> None:
    forms = document["components"]["schemas"]["TaskAnswer"]["properties"]["due"]["oneOf"]

    assert [form.get("required") for form in forms] == [["date"], ["local", "timezone"], ["local", "floating"], None]


def test_filters_are_described(document: Any) -> None:
    parameters = {each["name"] for each in document["paths"]["/v1/tasks"]["get"]["parameters"]}

    assert {"status", "list_id", "label", "due_before", "due_after", "q", "sort", "limit", "cursor"} <= parameters


def test_outsiders_do_not_get_it_here(api: Any) -> None:
    assert api.anonymous().get("/openapi.json").status_code == 404
