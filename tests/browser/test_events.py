"""Dead letters and replays, decided in a browser."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.dashboard import Dashboard
from tests.system.stack import Stack, eventually
from tests.system.users import Person


def ledger(stack: Stack, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(stack.home / "db" / "events.sqlite3", timeout=20)) as database, database:
        return database.execute(statement).fetchall()


@pytest.fixture
def dead(dashboard: Dashboard, stack: Stack) -> Iterator[Locator]:
    """The row of a delivery that TODO had, and that is dead now, on the open page."""
    Person(stack.gateway_url, "Dora").register()
    acked = "SELECT max(id) FROM deliveries_delivery WHERE subscriber = 'todo' AND status = 'acked'"
    found = eventually(lambda: ledger(stack, acked)[0][0], within=75, what="the acknowledgement")
    left = "status = 'dead', done_at = NULL, due_at = '2099-01-01', error = 'KeyError: ''list''', attempts = 9"
    ledger(stack, f"UPDATE deliveries_delivery SET {left} WHERE id = {found}")
    dashboard.page.on("dialog", lambda dialog: dialog.accept())
    dashboard.open("events")
    yield dashboard.page.locator('[data-key="dead"]').locator(f'tr[data-key="delivery-{found}"]')
    ledger(stack, f"UPDATE deliveries_delivery SET status = 'acked', done_at = queued_at WHERE id = {found}")


def test_a_dead_delivery_is_given_up_and_the_audit_knows(dashboard: Dashboard, dead: Locator) -> None:
    expect(dead).to_contain_text("KeyError: 'list'")
    dead.get_by_role("button", name="Give up").click()
    expect(dashboard.page.get_by_text("The delivery is given up")).to_be_visible()
    expect(dead).to_have_count(0)
    dashboard.page.goto(f"{dashboard.url}/admin/dashboard/auditentry/")
    expect(dashboard.page.get_by_text("give up").first).to_be_visible()


def test_a_dead_delivery_is_retried(dashboard: Dashboard, dead: Locator) -> None:
    dead.get_by_role("button", name="Retry").click()
    expect(dashboard.page.get_by_text("The delivery is on its way again.")).to_be_visible()
    expect(dead).to_have_count(0)


def test_a_replay_of_one_object_is_started_at_a_pace(dashboard: Dashboard, stack: Stack) -> None:
    user = Person(stack.gateway_url, "Rita").register().json()["id"]
    dashboard.page.on("dialog", lambda dialog: dialog.accept())
    dashboard.open("events")
    for label, value in (
        ("Subscriber", "todo"),
        ("Type", "auth.user.*"),
        ("Aggregate", user),
        ("Since (UTC)", "2026-01-01T00:00"),
        ("Until (UTC)", "2126-01-01T00:00"),
        ("Per second", "0.5"),
    ):
        dashboard.page.get_by_label(label).fill(value)
    dashboard.page.get_by_role("button", name="Replay").click()
    expect(dashboard.page.get_by_text("go to todo again, 0.5 a second.")).to_be_visible()
    asked = "SELECT subscriber, type, aggregate_id, per_second FROM deliveries_replay"
    assert ledger(stack, asked) == [("todo", "auth.user.*", user, 0.5)]


@pytest.mark.parametrize("context", [{"viewport": {"width": 390, "height": 844}}], indirect=True)
def test_both_buttons_fit_a_narrow_window(dashboard: Dashboard, dead: Locator) -> None:
    expect(dead.get_by_role("button", name="Give up")).to_be_visible()
    assert dashboard.overflow() <= 0
