"""All services at a glance, live."""

import os
import signal

import pytest
from playwright.sync_api import expect

from libs.contracts.names import SERVICES
from tests.browser.dashboard import Dashboard
from tests.system.stack import Stack

WITHIN_FIVE_SECONDS = 5_000
UNTIL_RESTARTED = 30_000
DOWN = 'tr[data-instance="todo-1"][data-state="down"]'


def test_seven_healthy_services_are_shown(dashboard: Dashboard) -> None:
    dashboard.open("services")
    expect(dashboard.page.get_by_text("7 of 7 services healthy")).to_be_visible(timeout=15_000)
    for service in SERVICES:
        expect(dashboard.service(service)).to_have_attribute("data-tone", "good")


def test_a_killed_instance_turns_within_five_seconds_and_comes_back(dashboard: Dashboard, stack: Stack) -> None:
    dashboard.open("services")
    expect(dashboard.instance("todo-1")).to_have_attribute("data-state", "up")
    os.kill(stack.pid_of("todo-1"), signal.SIGKILL)
    dashboard.page.wait_for_selector(DOWN, timeout=WITHIN_FIVE_SECONDS)
    expect(dashboard.change("todo-1", "down").first).to_be_visible()
    expect(dashboard.instance("todo-1")).to_have_attribute("data-state", "up", timeout=UNTIL_RESTARTED)


def test_without_a_socket_the_page_refreshes_itself(dashboard: Dashboard) -> None:
    dashboard.page.route_web_socket("**/ws/**", lambda socket: socket.close())
    with dashboard.page.expect_response("**/admin/services/partial/"):
        dashboard.open("services", live=False)
    expect(dashboard.page.locator("#mt-connection")).to_contain_text("Refreshing every")


def test_an_instances_page_has_its_history(dashboard: Dashboard) -> None:
    dashboard.open("services")
    dashboard.instance("auth-1").get_by_role("link", name="auth-1").click()
    expect(dashboard.page.get_by_role("heading", name="State changes")).to_be_visible()
    expect(dashboard.page.locator(".mt-changes li")).not_to_have_count(0)


@pytest.mark.parametrize("verb", ["Drain"])
def test_an_instance_is_drained_and_resumed_and_the_audit_knows(dashboard: Dashboard, verb: str) -> None:
    dashboard.page.on("dialog", lambda dialog: dialog.accept())
    dashboard.open("services")
    dashboard.instance("todo-1").get_by_role("button", name=verb).click()
    expect(dashboard.instance("todo-1")).to_have_attribute("data-state", "draining")
    dashboard.instance("todo-1").get_by_role("button", name="Resume").click()
    expect(dashboard.instance("todo-1")).to_have_attribute("data-state", "up")
    dashboard.page.goto(f"{dashboard.url}/admin/dashboard/auditentry/")
    expect(dashboard.page.get_by_text("todo todo-1").first).to_be_visible()
