"""The daily sweep."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.todo_svc.conftest import Someone
from todo_svc.todos.models import Person, Task, TrashEntry
from todo_svc.todos.services.trash import KEPT
from todo_svc.todos.sweeper import Sweeper, sweep


def test_it_sweeps_again_and_again_until_it_is_stopped() -> None:
    swept = threading.Semaphore(0)
    sweeper = Sweeper(swept.release, every=0.001)

    sweeper.start()

    assert all(swept.acquire(timeout=10) for _ in range(3))
    sweeper.stop()


def test_a_sweep_that_fails_is_not_the_last() -> None:
    swept = threading.Semaphore(0)

    def fail() -> None:
        swept.release()
        raise RuntimeError("no luck")

    sweeper = Sweeper(fail, every=0.001)
    sweeper.start()

    assert all(swept.acquire(timeout=10) for _ in range(2))
    sweeper.stop()


@pytest.mark.django_db
def test_what_expired_is_erased_and_the_rest_is_kept(ann: Someone, groceries: Any, milk: Any) -> None:
    fresh = ann.new_task(groceries["id"], "Fresh")
    for task in (milk, fresh):
        ann.delete(f"/v1/tasks/{task['id']}")
    TrashEntry.objects.filter(pk=milk["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))

    sweep()

    assert [entry["title"] for entry in ann.get("/v1/trash")["items"]] == ["Fresh"]
    assert not Task.objects.filter(pk=milk["id"]).exists()
    assert TrashEntry.objects.get().expires_at > timezone.now() + KEPT - timedelta(days=1)


@pytest.mark.django_db
def test_an_invitation_that_was_missed_is_accepted(ann: Someone, bob: Someone, groceries: Any) -> None:
    path = f"/v1/lists/{groceries['id']}"
    ann.post(f"{path}/shares", {"email": "robert@example.org", "role": "viewer"})
    Person.objects.filter(pk=bob.id).update(email_key="robert@example.org")

    sweep()

    assert bob.get(path)["my_role"] == "viewer"
