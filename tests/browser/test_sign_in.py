"""Who gets in."""

from playwright.sync_api import Browser, expect

from tests.browser.dashboard import Dashboard
from tests.system.stack import Stack


def test_the_root_leads_strangers_to_the_sign_in_and_a_wrong_password_stays_there(
    browser: Browser, stack: Stack
) -> None:
    context = browser.new_context()
    page = context.new_page()
    Dashboard(page, stack.admin_url).sign_in("admin", "a guess")
    expect(page.get_by_text("Please enter the correct username and password")).to_be_visible()
    context.close()


def test_the_administrator_lands_on_the_services(dashboard: Dashboard) -> None:
    dashboard.page.goto(f"{dashboard.url}/")
    expect(dashboard.page).to_have_url(f"{dashboard.url}/admin/services/")
