import json

import pytest

from libs.identity.bundle import Bundle, BundleError, route_matches
from libs.testing.keys import write_keys


@pytest.mark.parametrize(
    ("path", "covered"),
    [
        ("/v1/tasks", True),
        ("/v1/tasks/7", True),
        ("/v1/tasks:batch", True),
        ("/v1/tasksx", False),
        ("/v1", False),
    ],
)
def test_a_prefix_covers_whole_segments(path, covered):
    assert route_matches("/v1/tasks", path) is covered


def test_a_bundle_is_read_back_as_it_was_written(tmp_path):
    write_keys(tmp_path)

    bundle = Bundle.load(tmp_path / "services.json")

    todo = bundle.get("todo")
    assert todo.visibility == "internal"
    assert todo.allows_route("/v1/tasks")
    assert not todo.allows_route("/v1/users")
    assert bundle.get("unknown") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        json.dumps({"services": {"a": {"visibility": "secret", "keys": ["x"]}}}),
        json.dumps({"services": {"a": {"visibility": "public", "keys": []}}}),
        json.dumps({"services": {"a": {"visibility": "public", "keys": ["short"]}}}),
    ],
)
def test_a_malformed_bundle_is_named(tmp_path, text):
    file = tmp_path / "services.json"
    file.write_text(text)

    with pytest.raises(BundleError, match=r"services\.json"):
        Bundle.load(file)


def test_a_missing_bundle_says_how_to_make_one(tmp_path):
    with pytest.raises(BundleError, match="make secrets"):
        Bundle.load(tmp_path / "services.json")
