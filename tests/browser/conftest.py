"""A whole running system, and Chromium looking at its dashboard. Pages that load anything from elsewhere fail."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.dashboard import Dashboard
from tests.system.stack import Stack

CHROMIUM = os.environ.get("MT_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole system on free ports, with data of its own."""
    with Stack() as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def signed_in(browser: Browser, stack: Stack) -> dict[str, object]:
    """The cookies of a signed-in administrator; one sign-in serves all tests."""
    context = browser.new_context()
    Dashboard(context.new_page(), stack.admin_url).sign_in("admin", stack.admin_password)
    state = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture
def context(browser: Browser, signed_in: dict[str, object], request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser window; a test may give it another look by parametrizing it indirectly."""
    made = browser.new_context(storage_state=signed_in, **getattr(request, "param", {}))
    made.set_default_timeout(10_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, stack: Stack) -> Iterator[Page]:
    """A page that must not load anything from another host, and whose scripts must not fail."""
    here = urlsplit(stack.admin_url).netloc
    asked: list[str] = []
    failures: list[str] = []
    made = context.new_page()
    made.on("request", lambda request: asked.append(request.url))
    made.on("websocket", lambda socket: asked.append(socket.url))
    made.on("pageerror", lambda error: failures.append(str(error)))
    yield made
    elsewhere = [url for url in asked if urlsplit(url).scheme != "data" and urlsplit(url).netloc != here]
    assert elsewhere == []
    assert failures == []


@pytest.fixture
def dashboard(page: Page, stack: Stack) -> Dashboard:
    return Dashboard(page, stack.admin_url)
