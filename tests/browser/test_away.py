"""What a page shows while the server is away, and afterwards."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.support.cluster import Cluster
from tests.support.crew import fake_body


def test_a_text_goes_on_after_the_front_was_killed(admin: Window, cluster: Cluster) -> None:
    admin.watch.expected += ["ERR_", "Failed to load resource"]
    page = admin.page
    job = str(cluster.submit(fake_body("Once upon a time", tokens=400))["id"])
    page.goto(f"/console/jobs/{job}")
    made = page.locator(".made").first
    expect(made).not_to_be_empty()
    cluster.kill("web")
    expect(page.get_by_text("The server does not answer. Trying again…")).to_be_visible()
    expect(page.locator(".badge")).to_have_text("succeeded", timeout=60_000)
    expect(page.get_by_text("Trying again")).to_be_hidden()
    assert made.text_content() == cluster.job(job)["result"]["choices"][0]["text"]


def test_the_overview_says_that_the_server_is_away_and_goes_on(admin: Window, cluster: Cluster) -> None:
    admin.watch.expected += ["ERR_", "Failed to load resource"]
    page = admin.page
    row = page.get_by_role("row").filter(has_text="demo")
    expect(row).to_contain_text("loaded")
    cluster.kill("web")
    expect(page.get_by_text("Trying again…")).to_be_visible()
    expect(row).to_contain_text("loaded")
    expect(page.get_by_text("Trying again…")).to_be_hidden(timeout=30_000)
