import pytest
from django.utils import timezone

from libs.webapi.models import IdempotencyKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows():
    now = timezone.now()
    return [
        IdempotencyKey.objects.create(scope=f"s{i:02}", body_hash=f"{i // 3}", locked_until=now, expires_at=now)
        for i in range(10)
    ]


@pytest.fixture(params=["/rows", "/columns"])
def path(request):
    """Pages of objects, and pages of columns."""
    return request.param


def walk(client, path):
    path += "?limit=3"
    seen, answer = [], client.get(path).json()
    while True:
        seen.append(answer["items"])
        if answer["next_cursor"] is None:
            return seen
        answer = client.get(f"{path}&cursor={answer['next_cursor']}").json()


def test_pages_hold_every_row_once_in_order(api, rows, path):
    seen = walk(api.external(), path)

    expected = sorted(rows, key=lambda row: (-int(row.body_hash), row.pk))
    assert [scope for page in seen for scope in page] == [row.scope for row in expected]
    assert [len(page) for page in seen] == [3, 3, 3, 1]


def test_inserts_and_deletes_between_pages_repeat_and_skip_nothing(api, rows, path):
    first = api.external().get(f"{path}?limit=3").json()
    IdempotencyKey.objects.filter(scope__in=first["items"]).delete()
    now = timezone.now()
    IdempotencyKey.objects.create(scope="new", body_hash="9", locked_until=now, expires_at=now)

    second = api.external().get(f"{path}?limit=200&cursor={first['next_cursor']}").json()

    assert len(second["items"]) == 7
    assert not set(second["items"]) & {*first["items"], "new"}


def test_the_link_header_leads_to_the_next_page(api, rows, path):
    answer = api.external().get(f"{path}?limit=9")

    url = answer["Link"].split(">")[0].lstrip("<")
    assert len(api.external().get(url).json()["items"]) == 1


def test_a_tampered_or_foreign_cursor_is_a_400(api, rows, path):
    cursor = api.external().get(f"{path}?limit=3").json()["next_cursor"]

    for wrong in (cursor[:-1] + ("a" if cursor[-1] != "a" else "b"), "nonsense", "a:b:c"):
        answer = api.external().get(f"{path}?cursor={wrong}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
