import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(api):
    return api.as_user("u1")


def test_a_wrong_field_is_named_by_a_json_pointer(user):
    answer = user.post("/things", json={"name": "far too long", "due": {"date": "31.12."}})

    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "validation_failed"
    assert [error["pointer"] for error in problem["errors"]] == ["/name", "/due/date"]
    assert problem["request_id"] == "request-1"
    assert answer["Content-Type"] == "application/problem+json"


def test_an_unknown_field_is_refused_wherever_it_stands(user):
    assert user.post("/things", json={"name": "a", "extra": 1}).json()["errors"][0]["pointer"] == "/extra"
    nested = user.post("/things", json={"name": "a", "due": {"date": "2026-01-01", "time": 1}})
    assert nested.json()["errors"][0]["pointer"] == "/due/time"


@pytest.mark.parametrize("body", [b"{", b'{"a": NaN}', b"\xff", b'{"name": "a", "name": "b"}', b"[" * 100_000])
def test_a_body_that_is_not_json_is_a_400(user, body):
    answer = user.post("/things", data=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("body", [b"[]", b"3", b"null", b'"x"'])
def test_a_body_that_is_not_an_object_is_a_422(user, body):
    assert user.post("/things", data=body).status_code == 422


def test_null_bytes_in_text_are_refused(user):
    assert user.post("/things", json={"name": "a\0b"}).status_code == 422


def test_a_lone_surrogate_is_refused_also_where_the_message_repeats_it(user):
    answer = user.post("/things", data=b'{"name": "a", "kind": "\\ud800"}')

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/kind")


def test_a_merge_patch_touches_only_what_was_sent(user):
    answer = user.patch("/things", json={"due": None}, headers={"Content-Type": "application/merge-patch+json"})

    assert answer.json() == {"due": None}
    assert user.patch("/things", json={}).json() == {}


def test_another_media_type_is_a_415(user):
    answer = user.post("/things", data=b"<a/>", headers={"Content-Type": "text/xml"})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_method_that_is_not_there_is_a_405_with_allow(user):
    answer = user.put("/things", json={})

    assert answer.status_code == 405
    assert "POST" in answer["Allow"]


def test_query_parameters_are_known_valid_and_single(user):
    def code(path):
        answer = user.get(path)
        return answer.status_code, answer.json()["code"]

    assert code("/rows?nope=1") == (400, "unknown_parameter")
    assert code("/rows?kind=c") == (400, "invalid_parameter")
    assert code("/rows?limit=0") == (400, "invalid_parameter")
    assert code("/rows?limit=201") == (400, "invalid_parameter")
    assert code("/rows?kind=a&kind=b") == (400, "invalid_parameter")
    assert code("/rows?kind=%ff") == (400, "invalid_parameter")
    assert code("/things?x=1") == (400, "unknown_parameter")
    assert user.post("/things?x=1", json={"name": "a"}).status_code == 400


def test_an_etag_saves_the_body_and_guards_the_change(user):
    etag = user.get("/things")["ETag"]
    assert etag == '"v3-editor"'

    assert user.get("/things", headers={"If-None-Match": f'"x", W/{etag}'}).status_code == 304
    assert user.patch("/things", json={}, headers={"If-Match": etag}).status_code == 200
    stale = user.patch("/things", json={}, headers={"If-Match": '"v2-editor"'})
    assert (stale.status_code, stale.json()["current"]) == (412, {"name": "now"})
    assert user.patch("/things", json={}, headers={"If-Match": f"W/{etag}"}).status_code == 412


def test_if_match_can_be_demanded(user, settings):
    settings.REQUIRE_IF_MATCH = True

    assert user.patch("/things", json={}).status_code == 428


def test_an_unexpected_failure_is_a_plain_500_that_tells_nothing(user, caplog):
    answer = user.post("/things", json={"name": "boom"})

    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.content.decode()
    assert answer.json()["code"] == "internal_error"
    assert "django.request" not in {record.name for record in caplog.records}  # it is logged once, by ourselves


def test_an_unknown_path_is_a_problem_too(user):
    assert user.get("/nowhere").json()["code"] == "not_found"


def test_options_names_the_methods_and_head_has_no_body(user):
    assert user.request("OPTIONS", "/things").status_code == 204
    assert user.request("HEAD", "/things").content == b""
