"""Debian's Chromium, driven by Playwright; and what a page of ours must never do in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SERIOUS = ("serious", "critical")
PHONE = 375
DESKTOP = 1280
_CAN_INSTALL = os.geteuid() == 0 and shutil.which("apt-get") is not None
IS_THERE = os.access(CHROMIUM, os.X_OK)
NEEDS_CHROMIUM = pytest.mark.skipif(
    not IS_THERE and not (os.environ.get("CI") == "true" and _CAN_INSTALL),
    reason="no chromium: apt-get install -y chromium",
)
"""In CI its absence fails where it could have been installed."""


@dataclass
class Watch:
    """What went wrong in pages while it watched them."""

    host: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of complaints that the test itself brings about."""

    def see(self, page: Page) -> None:
        page.on("console", lambda message: self._note(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("request", lambda request: self._check(request.url))

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.complaints.append(text)

    def _check(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).netloc != self.host:
            self.foreign.append(url)


def serious_faults(page: Page) -> list[tuple[str, object]]:
    """What keeps somebody from using the page as it is now, as axe finds it: the rule, and the elements."""
    found = Axe().run(page).response["violations"]
    return [(fault["id"], fault["nodes"]) for fault in found if fault["impact"] in SERIOUS]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, for as long as tests need it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def context(browser: Browser, url: str, *, width: int = DESKTOP, dark: bool = False) -> Iterator[BrowserContext]:
    """A browser's own window onto a server, without cookies; what its pages complain of fails the test."""
    watch = Watch(urlsplit(url).netloc)
    opened = browser.new_context(
        base_url=url, viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
    )
    opened.set_default_timeout(15_000)
    opened.on("page", watch.see)
    opened.watch = watch  # type: ignore[attr-defined]
    try:
        yield opened
    finally:
        opened.close()
    assert watch.foreign == []
    assert watch.complaints == []
