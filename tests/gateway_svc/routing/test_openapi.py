import json
from typing import Any

from gateway_svc.routing.openapi import BEARER, encode, merge

PROBLEM = {"type": "object"}


def document(path: str, schema: dict[str, Any], operation_id: str = "list") -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}
    operation = {"operationId": operation_id, "tags": ["v1"], "responses": {"200": {"content": content}}}
    return {
        "openapi": "3.1.0",
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


def test_operation_ids_are_unique() -> None:
    both = merged(auth=document("/v1/users", {}), todo=document("/v1/lists", {}))

    ids = [both["paths"][path]["get"]["operationId"] for path in ("/v1/users", "/v1/lists")]
    assert ids == ["list", "todo_list"]


def test_is_a_document_without_any_service() -> None:
    assert json.loads(encode(merged()))["paths"] == {}
