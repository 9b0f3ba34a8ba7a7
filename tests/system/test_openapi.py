"""The document that clients are made from: of the services as they run."""

import re

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from libs.testing.openapi import dangling

METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture
def document(stack):
    answer = requests.get(f"{stack.gateway_url}/v1/openapi.json", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json()


@pytest.fixture
def operations(document):
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def test_it_is_valid_openapi_3_1_and_holds_all_services(document, operations):
    OpenAPIV31SpecValidator(document).validate()
    assert dangling(document) == set()
    assert {tag for *_, operation in operations for tag in operation["tags"]} == {"auth", "todo"}
    assert len(operations) > 50


def test_each_operation_says_who_may_call_it_and_what_may_go_wrong(operations):
    for path, method, operation in operations:
        where = f"{method} {path}"
        answers = set(operation["responses"])
        assert {"400", "429", "502", "503", "504", "default"} <= answers, where
        assert ("{" in path) <= ("404" in answers), where
        assert ("requestBody" in operation) <= ({"413", "422"} <= answers), where
        assert ("security" in operation) == ({"401", "403"} <= answers), where
        if "security" in operation:
            [scopes] = [each["bearer"] for each in operation["security"]]
            assert operation["x-required-scopes"] == scopes, where
            assert all(f"`{scope}`" in operation["description"] for scope in scopes), where


def test_the_scope_it_names_is_the_scope_that_is_asked_for(document, stack, person):
    ada = person("Ada")
    [scope] = document["paths"]["/v1/lists"]["post"]["x-required-scopes"]
    [other] = document["paths"]["/v1/lists"]["get"]["x-required-scopes"]
    assert scope != other
    made = ada.post("/v1/auth/pats", {"name": "reader", "scopes": [other]})
    assert made.status_code == 201, made.text
    headers = {"Authorization": f"Bearer {made.json()['token']}"}

    assert requests.get(f"{stack.gateway_url}/v1/lists", headers=headers, timeout=10).status_code == 200
    refused = requests.post(f"{stack.gateway_url}/v1/lists", headers=headers, json={"name": "x"}, timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert scope in refused.json()["detail"]


def test_the_explorer_and_all_its_files_come_from_the_gateway(stack):
    page = requests.get(f"{stack.gateway_url}/docs", timeout=10)
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.status_code == 200
    assert all(file.startswith("/") for file in files)
    for file in files:
        assert requests.get(f"{stack.gateway_url}{file}", timeout=10).status_code == 200
