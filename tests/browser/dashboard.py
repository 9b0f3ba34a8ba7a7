"""The dashboard as a person uses it: pages by name, rows by instance, records by request."""

from playwright.sync_api import Locator, Page, expect

LIVE = "#mt-connection[data-state=live]"


class Dashboard:
    """One browser page on the dashboard at `url`."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url.rstrip("/")

    def sign_in(self, username: str, password: str) -> None:
        self.page.goto(f"{self.url}/")
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", password)
        self.page.click("#login-form [type=submit]")

    def open(self, name: str, *, live: bool = True) -> None:
        """Open a page such as `services`, and wait until its socket is up."""
        self.page.goto(f"{self.url}/admin/{name}/")
        if live:
            expect(self.page.locator(LIVE)).to_be_visible()

    def instance(self, instance: str) -> Locator:
        return self.page.locator(f'tr[data-instance="{instance}"]')

    def service(self, service: str) -> Locator:
        return self.page.locator(f'tbody[data-service="{service}"]')

    def change(self, instance: str, state: str) -> Locator:
        """Find the newest journal lines that say that `instance` has become `state`."""
        return self.page.locator(".mt-changes li", has_text=instance).filter(has_text=state)

    def record(self, request_id: str) -> Locator:
        return self.page.locator(f'[data-request="{request_id}"]').first

    def overflow(self) -> int:
        """Say by how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
