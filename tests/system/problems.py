"""The shape of every error."""

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def assert_problem(answer, status, code=None):
    """Check that an answer is problem+json with `status`, and `code` where one is expected; give its document."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    document = answer.json()
    assert document.keys() >= MEMBERS, document
    assert document["status"] == status
    assert document["request_id"]
    if code is not None:
        assert document["code"] == code, document
    return document
