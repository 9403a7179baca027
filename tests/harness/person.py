"""Somebody at a browser: signs in at the provider, reads, clicks, and is never left out.

Each page that they come to is looked at by axe-core; what it finds is an assertion's failure.
"""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from harness.browser import violations

SECONDS = 30.0
expect.set_options(timeout=SECONDS * 1000)


class Person:
    """One browser, for one person.

    Args:
        browser: Chromium.
        url: the console's.
        name: as the provider knows them.
        options: of the browser's context: viewport, color_scheme, locale and the like.

    """

    def __init__(self, browser: Browser, url: str, name: str, **options: Any) -> None:
        self.url = url
        self.name = name
        # The provider's certificate is the harness's own.
        self.context: BrowserContext = browser.new_context(ignore_https_errors=True, **options)
        self.context.set_default_timeout(SECONDS * 1000)
        self.page: Page = self.new_tab()
        self.troubles: list[str] = []

    def new_tab(self) -> Page:
        """Another tab of the same browser."""
        tab = self.context.new_page()
        # What a page's policy refuses, and scripts' own mistakes.
        tab.on("pageerror", lambda error: self.troubles.append(str(error)))
        tab.on(
            "console",
            lambda said: (
                self.troubles.append(said.text)
                if said.type == "error" and "Content Security Policy" in said.text
                else None
            ),
        )
        return tab

    def sign_in(self, path: str = "/") -> None:
        """At the provider, by name and password; ends where they wanted to go."""
        self.page.goto(f"{self.url}{path}")
        self.page.get_by_role("link", name=re.compile("sign in", re.IGNORECASE)).or_(
            self.page.get_by_role("button", name=re.compile("sign in with", re.IGNORECASE))
        ).first.click()
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(f"{self.name}-password")
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    def go(self, path: str, page: Page | None = None) -> Page:
        """Type an address."""
        page = page or self.page
        page.goto(f"{self.url}{path}")
        return page

    def click(self, name: str, role: Any = "link", *, exact: bool = False) -> None:
        """Click a link or a button by what it says; the first of several."""
        self.page.get_by_role(role, name=name, exact=exact).first.click()

    def press(self, name: str, *, exact: bool = False) -> None:
        """Press a button by what it says."""
        self.click(name, "button", exact=exact)

    def sees(self, text: str | re.Pattern[str]) -> None:
        """Wait until the page says something."""
        expect(self.page.locator("main")).to_contain_text(text)

    def fair(self) -> None:
        """The page leaves nobody out, and nothing of it was refused or broke."""
        assert violations(self.page) == [], self.page.url
        assert self.troubles == [], self.page.url

    def close(self) -> None:
        """Close the browser."""
        self.context.close()
