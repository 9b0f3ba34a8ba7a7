"""The document by which Auth describes itself."""

import pytest

from auth_svc.accounts.services.pats import MAX_PER_USER

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(api):
    return api.as_service("gateway").get("/openapi.json").json()


def operations(document):
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_it_shows_exactly_what_clients_may_call(document):
    assert set(operations(document)) == {
        ("GET", "/.well-known/jwks.json"),
        ("POST", "/v1/auth/register"),
        ("POST", "/v1/auth/login"),
        ("POST", "/v1/auth/logout"),
        ("POST", "/v1/auth/logout-all"),
        ("POST", "/v1/auth/token/refresh"),
        ("POST", "/v1/auth/token/revoke"),
        ("POST", "/v1/auth/password/change"),
        ("GET", "/v1/auth/pats"),
        ("POST", "/v1/auth/pats"),
        ("GET", "/v1/auth/pats/{token_id}"),
        ("DELETE", "/v1/auth/pats/{token_id}"),
        ("GET", "/v1/auth/sessions"),
        ("DELETE", "/v1/auth/sessions/{session_id}"),
        ("GET", "/v1/users/me"),
        ("PATCH", "/v1/users/me"),
        ("DELETE", "/v1/users/me"),
        ("POST", "/v1/users/me/keep"),
    }


def test_operations_have_names_of_their_own(document):
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)


def test_what_needs_a_user_says_so(document):
    public = {path for (_, path), operation in operations(document).items() if not operation.get("security")}
    assert public == {
        "/.well-known/jwks.json",
        "/v1/auth/register",
        "/v1/auth/login",
        "/v1/auth/token/refresh",
        "/v1/auth/token/revoke",
    }


def test_the_end_of_an_account_says_what_it_needs(document):
    body = operations(document)[("DELETE", "/v1/users/me")]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(document["components"]["schemas"][name]["properties"]) == {"password", "erase"}
    assert "requestBody" not in operations(document)[("DELETE", "/v1/auth/sessions/{session_id}")]


def test_idempotency_keys_are_offered_where_no_credential_is_answered(document):
    heeding = {
        path
        for (_, path), operation in operations(document).items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", []))
    }
    assert {"/v1/auth/register", "/v1/users/me"} <= heeding
    assert not {"/v1/auth/login", "/v1/auth/token/refresh", "/v1/auth/password/change", "/v1/auth/pats"} & heeding


def test_an_account_is_answered_as_described(document, ann):
    assert set(document["components"]["schemas"]["UserOut"]["properties"]) == set(ann.user)


def test_a_grant_is_answered_as_described(document, ann):
    assert set(document["components"]["schemas"]["GrantOut"]["properties"]) == set(ann.grant)


def test_a_personal_token_is_answered_as_described(document, ann):
    answer = ann.client.post("/v1/auth/pats", json={"name": "backup", "scopes": ["tasks:read"]}).json()
    shapes = document["components"]["schemas"]
    assert set(shapes["PatCreatedOut"]["properties"]) == set(answer) == {*shapes["PatOut"]["properties"], "token"}
    assert set(shapes["PatInRequest"]["required"]) == {"name", "scopes"}


def test_the_description_says_what_personal_tokens_may_not_do(document):
    for_sessions = {
        (method, path)
        for (method, path), operation in operations(document).items()
        if "ersonal access tokens may not do this" in operation["description"].replace("stay and ", "")
    }
    assert ("POST", "/v1/auth/password/change") in for_sessions
    assert len(for_sessions) == 10
    limit = f"More\nthan {MAX_PER_USER} tokens are 409"
    assert limit in operations(document)[("POST", "/v1/auth/pats")]["description"]
