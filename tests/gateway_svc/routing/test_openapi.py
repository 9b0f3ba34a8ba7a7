import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway_svc.routing.openapi import BEARER, check, encode, merge
from libs.testing.openapi import dangling
from libs.webapi.components import PROBLEM


def document(path: str, schema: dict[str, Any], operation_id: str = "list") -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}
    answer = {"description": "OK", "content": content}
    operation = {"operationId": operation_id, "tags": ["v1"], "responses": {"200": answer}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "One", "version": "1"},
        "servers": [{"url": "http://10.0.0.1"}],
        "paths": {path: {"get": operation}},
        "components": {
            "schemas": {"Item": schema, "Problem": PROBLEM},
            "securitySchemes": {"bearer": BEARER},
        },
    }


def merged(**documents: dict[str, Any]) -> dict[str, Any]:
    return merge(documents, version="1.2.3", covers=lambda service, path: "internal" not in path)


def test_puts_all_paths_into_one_document_with_our_server() -> None:
    both = merged(todo=document("/v1/lists", {"a": 1}, "lists"), auth=document("/v1/users", {"a": 1}, "users"))

    assert both["openapi"] == "3.1.0"
    assert both["info"]["version"] == "1.2.3"
    assert both["servers"] == [{"url": "/"}]
    assert set(both["paths"]) == {"/v1/lists", "/v1/users"}
    assert both["components"]["securitySchemes"] == {"bearer": BEARER}


def test_groups_operations_by_service() -> None:
    both = merged(todo=document("/v1/lists", {}))

    assert both["paths"]["/v1/lists"]["get"]["tags"] == ["todo"]
    assert both["tags"] == [{"name": "todo"}]


def test_leaves_out_paths_that_clients_cannot_reach() -> None:
    assert merged(todo=document("/internal/v1/x", {}))["paths"] == {}


def test_shares_equal_components_and_renames_different_ones_with_their_references() -> None:
    both = merged(auth=document("/v1/users", {"a": 1}), todo=document("/v1/lists", {"b": 2}))

    assert both["components"]["schemas"] == {"Item": {"a": 1}, "TodoItem": {"b": 2}, "Problem": PROBLEM}
    text = json.dumps(both["paths"]["/v1/lists"])
    assert "#/components/schemas/TodoItem" in text
    assert "#/components/schemas/Item" in json.dumps(both["paths"]["/v1/users"])


def test_a_renamed_component_may_refer_to_itself() -> None:
    tree = {"items": {"$ref": "#/components/schemas/Item"}}

    both = merged(auth=document("/v1/users", {"a": 1}), todo=document("/v1/lists", tree))

    assert both["components"]["schemas"]["TodoItem"] == {"items": {"$ref": "#/components/schemas/TodoItem"}}


def test_what_refers_to_a_renamed_component_is_renamed_with_it() -> None:
    page = {"properties": {"items": {"$ref": "#/components/schemas/Item"}}}
    auth, todo = document("/v1/users", {"a": 1}), document("/v1/lists", {"b": 2})
    for one in (auth, todo):
        one["components"]["schemas"] |= {"Page": page, "Pages": {"$ref": "#/components/schemas/Page"}}
    schemas = merged(auth=auth, todo=todo)["components"]["schemas"]

    assert schemas["Page"] == page
    assert schemas["Pages"] == {"$ref": "#/components/schemas/Page"}
    assert schemas["TodoPage"] == {"properties": {"items": {"$ref": "#/components/schemas/TodoItem"}}}
    assert schemas["TodoPages"] == {"$ref": "#/components/schemas/TodoPage"}


def test_a_new_name_that_is_taken_is_made_longer() -> None:
    auth, todo = document("/v1/users", {"a": 1}), document("/v1/lists", {"b": 2})
    auth["components"]["schemas"]["TodoItem"] = {"c": 3}
    schemas = merged(auth=auth, todo=todo)["components"]["schemas"]

    assert (schemas["Item"], schemas["TodoItem"], schemas["TodoItem_"]) == ({"a": 1}, {"c": 3}, {"b": 2})


def test_each_operation_names_what_the_gateway_itself_may_answer() -> None:
    todo = document("/v1/lists", {})
    get = todo["paths"]["/v1/lists"]["get"]
    todo["paths"]["/v1/lists"] |= {"post": {**get, "operationId": "create", "requestBody": {"content": {}}}}
    todo["paths"]["/v1/lists"] |= {"parameters": [{"name": "x", "in": "query", "schema": {}}], "x-note": {"a": 1}}
    get["responses"]["503"] = {"description": "Mine"}
    both = merged(todo=todo)
    item = both["paths"]["/v1/lists"]

    assert set(item["get"]["responses"]) == {"200", "429", "502", "503", "504"}
    assert set(item["post"]["responses"]) == {"200", "413", "429", "502", "503", "504"}
    assert item["get"]["responses"]["503"] == {"description": "Mine"}
    assert item["get"]["responses"]["429"] == {"$ref": "#/components/responses/TooManyRequests"}
    assert item["parameters"] == todo["paths"]["/v1/lists"]["parameters"]
    assert item["x-note"] == {"a": 1}
    limited = both["components"]["responses"]["TooManyRequests"]
    assert set(limited["headers"]) == {"Retry-After", "RateLimit", "RateLimit-Policy"}
    assert list(limited["content"]) == ["application/problem+json"]


def test_a_services_own_component_of_a_name_of_ours_is_renamed() -> None:
    todo = document("/v1/lists", {})
    todo["components"]["responses"] = {"TooManyRequests": {"description": "Mine"}}
    todo["paths"]["/v1/lists"]["get"]["responses"]["429"] = {"$ref": "#/components/responses/TooManyRequests"}
    both = merged(todo=todo)

    reference = both["paths"]["/v1/lists"]["get"]["responses"]["429"]["$ref"]
    assert reference == "#/components/responses/TodoTooManyRequests"
    assert both["components"]["responses"]["TodoTooManyRequests"] == {"description": "Mine"}


def test_the_result_is_valid() -> None:
    both = merged(
        auth=document("/v1/users", {"type": "string"}, "users"), todo=document("/v1/lists", {"type": "integer"})
    )

    OpenAPIV31SpecValidator(both).validate()
    assert dangling(both) == set()


def test_merging_changes_nothing_of_what_was_given() -> None:
    todo, auth = document("/v1/lists", {"a": 1}), document("/v1/users", {"b": 2})
    before = json.dumps([todo, auth])
    merged(todo=todo, auth=auth)

    assert json.dumps([todo, auth]) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "no object"),
        ({}, "OpenAPI None"),
        ({"openapi": "3.0.3"}, r"OpenAPI 3\.0\.3, and not 3\.1"),
        ({"swagger": "2.0"}, "OpenAPI None"),
        ({"openapi": "3.1.0", "paths": {"/v1": None}}, "paths"),
        ({"openapi": "3.1.1", "components": []}, "components"),
    ],
)
def test_what_cannot_be_merged_is_refused_with_the_reason(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(given)


def test_operation_ids_are_unique() -> None:
    both = merged(auth=document("/v1/users", {}), todo=document("/v1/lists", {}))

    ids = [both["paths"][path]["get"]["operationId"] for path in ("/v1/users", "/v1/lists")]
    assert ids == ["list", "todo_list"]


def test_is_a_document_without_any_service() -> None:
    assert json.loads(encode(merged()))["paths"] == {}
