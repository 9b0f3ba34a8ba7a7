"""Every page fits light and dark, wide and narrow windows."""

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard import Dashboard

PAGES = ["services", "logs", "events"]
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1400, "height": 900}
WINDOWS = [
    pytest.param({"viewport": size, "color_scheme": scheme}, id=f"{scheme}-{size['width']}")
    for scheme in ("light", "dark")
    for size in (NARROW, WIDE)
]


@pytest.mark.parametrize("context", WINDOWS, indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_its_window(dashboard: Dashboard, name: str) -> None:
    dashboard.open(name)
    assert dashboard.overflow() <= 0


@pytest.mark.parametrize("context", [{"color_scheme": "dark"}], indirect=True)
def test_dark_mode_follows_the_system(dashboard: Dashboard) -> None:
    dashboard.open("services")
    background = dashboard.page.locator("#main").evaluate("node => getComputedStyle(node).backgroundColor")
    probe = "color => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = color;"
    probe += " c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; }"
    assert max(dashboard.page.evaluate(probe, background)[:3]) < 80


def test_the_events_page_shows_subscribers(dashboard: Dashboard) -> None:
    dashboard.open("events")
    expect(dashboard.page.get_by_role("heading", name="Dead letters")).to_be_visible()
    expect(dashboard.page.locator('tr[data-key="subscriber-todo"]')).to_be_visible(timeout=75_000)
