"""`manage.py purge_trash`."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from tests.todo_svc.conftest import Someone
from todo_svc.todos.models import TrashEntry

pytestmark = pytest.mark.django_db


def purge(*args: str) -> str:
    out = StringIO()
    call_command("purge_trash", *args, stdout=out)
    return out.getvalue()


def test_it_erases_what_is_older(ann: Someone, milk: Any) -> None:
    ann.delete(f"/v1/tasks/{milk['id']}")
    TrashEntry.objects.update(expires_at=F("expires_at") - timedelta(days=10))

    assert purge() == "0 erased\n"
    assert purge("--older-than", "11") == "0 erased\n"
    assert purge("--older-than", "9") == "1 erased\n"
    assert ann.get("/v1/trash")["items"] == []


@pytest.mark.parametrize("days", ["-1", "99999999"])
def test_a_wrong_number_of_days_is_named(days: str) -> None:
    with pytest.raises(CommandError, match="--older-than"):
        purge("--older-than", days)
