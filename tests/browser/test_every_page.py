"""What holds for every page: a new one is a line here."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from app.console.pages import PAGES
from tests.browser.conftest import sign_in
from tests.support import browser as driven
from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY

Ready = Callable[[Page], None]


def _shows(text: str) -> Ready:
    return lambda page: page.get_by_text(text).first.wait_for()


PATHS: dict[str, tuple[str, Ready]] = {
    "overview": ("/", _shows("loaded")),
    "playground": ("/console/playground", _shows("Ask a model something")),
    "bulk": ("/console/bulk", _shows("A new run")),
    "bulk_run": ("/console/bulk/{batch}", _shows("completed")),
    "jobs": ("/console/jobs", lambda page: page.locator("#jobs tr").first.wait_for()),
    "job": ("/console/jobs/{job}", _shows("Accepted")),
    "models": ("/console/models", _shows("tokens of context")),
    "keys": ("/console/keys", _shows("Make a key")),
    "login": ("/console/login", _shows("API key")),
}
"""By a page's name: an address of it, and how one sees that it shows something."""


def test_no_page_is_left_out() -> None:
    assert set(PATHS) == {page.name for page in PAGES}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [driven.PHONE, driven.DESKTOP])
@pytest.mark.parametrize("name", PATHS)
def test_a_page_is_for_everybody_and_asks_nobody_else(
    browser: Browser, cluster: Cluster, batch: str, name: str, width: int, dark: bool
) -> None:
    """No serious fault that axe finds, no complaint of the browser's, no other host, nothing beside the screen."""
    path, is_ready = PATHS[name]
    job = cluster.http.get("/jobs?limit=1").json()["data"][0]["id"]
    path = path.format(job=job, batch=batch)
    with driven.context(browser, cluster.url, width=width, dark=dark) as opened:
        page = opened.new_page()
        if name != "login":
            sign_in(page, ADMIN_KEY, path=path)
        else:
            page.goto(path)
        is_ready(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert driven.serious_faults(page) == []
