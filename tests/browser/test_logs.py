"""Logs of all services, live and searchable."""

import time

import requests
from playwright.sync_api import expect

from tests.browser.dashboard import Dashboard
from tests.system.stack import Stack

TWO_SECONDS = 2.0


def ask_gateway(stack: Stack) -> str:
    """Send a request through the gateway; gives its request id."""
    answer = requests.get(f"{stack.gateway_url}/v1/lists", timeout=10)
    return answer.headers["X-Request-ID"]


def test_a_log_line_is_seen_within_two_seconds_of_its_request(dashboard: Dashboard, stack: Stack) -> None:
    dashboard.open("logs")
    expect(dashboard.page.locator(".mt-log-row").first).to_be_visible()
    began = time.monotonic()
    request_id = ask_gateway(stack)
    left = TWO_SECONDS - (time.monotonic() - began)
    expect(dashboard.record(request_id)).to_be_visible(timeout=1000 * left)


def test_a_pause_holds_the_list_and_resuming_shows_what_came(dashboard: Dashboard, stack: Stack) -> None:
    dashboard.open("logs")
    expect(dashboard.page.locator(".mt-log-row").first).to_be_visible()
    dashboard.page.get_by_role("button", name="Pause").click()
    request_id = ask_gateway(stack)
    expect(dashboard.page.locator("#mt-log-status")).to_contain_text("waiting")
    expect(dashboard.record(request_id)).to_have_count(0)
    dashboard.page.get_by_role("button", name="Resume").click()
    expect(dashboard.record(request_id)).to_be_visible()


def test_a_click_on_a_value_makes_it_the_filter(dashboard: Dashboard, stack: Stack) -> None:
    dashboard.open("logs")
    request_id = ask_gateway(stack)
    dashboard.record(request_id).click()
    dashboard.page.locator("#mt-log-detail").get_by_role("button", name=request_id).click()
    expect(dashboard.page).to_have_url(f"{dashboard.url}/admin/logs/?request_id={request_id}")
    expect(dashboard.record(request_id)).to_be_visible()


def test_a_request_is_followed_on_its_timeline(dashboard: Dashboard, stack: Stack) -> None:
    dashboard.open("logs")
    request_id = ask_gateway(stack)
    dashboard.record(request_id).click()
    dashboard.page.get_by_role("link", name="Request timeline").last.click()
    expect(dashboard.page.locator('.mt-timeline li[data-service="gateway"]').first).to_be_visible()


def test_records_are_reached_with_the_keyboard(dashboard: Dashboard) -> None:
    dashboard.open("logs")
    expect(dashboard.page.locator(".mt-log-row").first).to_be_visible()
    dashboard.page.locator("#mt-log-list").focus()
    dashboard.page.keyboard.press("End")
    expect(dashboard.page.locator("#mt-log-detail")).to_be_visible()
    dashboard.page.keyboard.press("Escape")
    expect(dashboard.page.locator("#mt-log-detail")).to_be_hidden()
