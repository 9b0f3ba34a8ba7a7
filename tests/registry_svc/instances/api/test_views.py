"""The conventions of the HTTP door."""

from libs.discovery.documents import registration_to_json
from tests.registry_svc.parts import GrpcInstance, RunningRegistry, registration

INSTANCES = "/v1/services/todo/instances"


def test_a_registration_is_201_with_its_lease_and_location(
    registry: RunningRegistry, grpc_instance: GrpcInstance
) -> None:
    mine = registration(grpc_port=grpc_instance.port)
    answer = registry.post(INSTANCES, "todo", json=registration_to_json(mine))
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{INSTANCES}/todo-1"
    body = answer.json()
    assert (body["instance_id"], body["incarnation"]) == ("todo-1", mine.incarnation)
    assert round(body["ttl"] / body["heartbeat_every"]) == 3


def test_an_unknown_or_contradicting_field_is_422(registry: RunningRegistry) -> None:
    body = registration_to_json(registration(http_port=1))
    for extra, pointer in (
        ({"colour": "red"}, "/colour"),
        ({"type": "auth"}, "/type"),
        ({"health": {"shape": 1}}, "/health/shape"),
    ):
        answer = registry.post(INSTANCES, "todo", json={**body, **extra})
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


def test_minimal_registrations_take_the_defaults(registry: RunningRegistry, grpc_instance: GrpcInstance) -> None:
    mine = registration(grpc_port=grpc_instance.port)
    body = {"id": "todo-1", "incarnation": mine.incarnation, "host": "127.0.0.1", "grpc_port": grpc_instance.port}
    assert registry.post(INSTANCES, "todo", json=body).status_code == 201
    found = registry.get(f"{INSTANCES}/todo-1", "gateway").json()
    assert (found["weight"], found["state"], found["routes"], found["address"]) == (100, "up", [], "")


def test_malformed_bodies_and_unknown_paths_are_problems(registry: RunningRegistry) -> None:
    wrong = [
        registry.post(INSTANCES, "todo", data=b"{", headers={"Content-Type": "application/json"}),
        registry.post(INSTANCES, "todo", data=b"[]", headers={"Content-Type": "application/json"}),
        registry.post(INSTANCES, "todo", data=b"a=b", headers={"Content-Type": "text/plain"}),
        registry.get("/v1/nothing"),
        registry.get("/"),
        registry.request("PATCH", INSTANCES, "todo", json={}),
        registry.get(f"{INSTANCES}/ghost", "gateway"),
        registry.post("/v1/services/todo/watch", "gateway"),
    ]
    assert [answer.status_code for answer in wrong] == [400, 422, 415, 404, 404, 405, 404, 405]
    for answer in wrong:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_the_openapi_document_names_all_operations(registry: RunningRegistry) -> None:
    document = registry.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    item = "/v1/services/{service}/instances/{instance_id}"
    assert set(document["paths"]) == {
        "/v1/services",
        "/v1/services/{service}/instances",
        "/v1/services/{service}/resolve",
        "/v1/services/{service}/watch",
        item,
        *(f"{item}/{action}" for action in ("health", "lease", "drain", "maintenance", "resume")),
    }
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert {"instances_drain", "instances_maintain", "instances_resume"} < set(names)
