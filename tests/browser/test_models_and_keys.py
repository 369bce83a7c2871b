"""Models and keys in a browser."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from tests.browser.conftest import Window, sign_in
from tests.support import browser as driven
from tests.support.cluster import Cluster


def test_a_queue_is_paused_and_resumed(admin: Window, cluster: Cluster) -> None:
    page = admin.page
    page.goto("/console/models")
    expect(page.get_by_text("The workers of these models always run.")).to_be_visible()
    expect(page.get_by_text("Pause: running jobs go on, and all others wait.")).to_be_visible()
    page.get_by_role("button", name="Pause fake").click()
    expect(page.get_by_role("article", name="fake")).to_contain_text("queue paused")
    page.goto("/")
    expect(page.get_by_role("row").filter(has_text="fake")).to_contain_text("is paused")
    page.goto("/console/models")
    page.get_by_role("button", name="Resume fake").click()
    expect(page.get_by_role("button", name="Pause fake")).to_be_visible()
    assert cluster.http.get("/queues").json()["data"][1]["state"] == "open"


def test_a_worker_is_told_with_what_it_takes(admin: Window) -> None:
    admin.page.goto("/console/models")
    demo = admin.page.get_by_role("article", name="demo")
    demo.get_by_text("Workers", exact=True).click()
    expect(demo.get_by_role("listitem").first).to_have_text(
        re.compile(r"^demo-\d+: 2 slots, .*[\d.]+ MiB of memory, [\d,]+ of 1,024 tokens cached$")
    )
    expect(demo.get_by_text("caravan models plan demo")).to_be_hidden()


def test_models_yaml_is_read_again(admin: Window) -> None:
    admin.page.goto("/console/models")
    admin.page.get_by_role("button", name="Read models.yaml again").click()
    expect(admin.page.get_by_text("Nothing has changed.")).to_be_visible()


def test_a_key_is_made_shown_once_used_and_revoked(admin: Window, browser: Browser, cluster: Cluster) -> None:
    page = admin.page
    page.goto("/console/keys")
    page.get_by_label("Name").fill("alice")
    page.get_by_label("Jobs in flight").fill("3")
    page.get_by_label("Models, by commas").fill("demo")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("The key is made")).to_be_visible()
    secret = page.locator("#secret").inner_text()
    row = page.get_by_role("row").filter(has_text="alice").first
    expect(row).to_contain_text("3 jobs · only demo")
    page.reload()
    expect(row).to_be_visible()
    assert secret not in page.content()
    with driven.context(browser, cluster.url) as opened:
        hers = opened.new_page()
        opened.watch.expected.append("401")  # type: ignore[attr-defined]
        sign_in(hers, secret)
        expect(hers.get_by_role("row").filter(has_text="demo")).to_be_visible()
        expect(hers.get_by_role("row").filter(has_text="fake")).to_have_count(0)
        expect(hers.get_by_role("link", name="Keys")).to_have_count(0)
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Revoke alice").click()
        expect(page.get_by_role("row").filter(has_text="alice")).to_have_count(0)
        expect(hers.get_by_label("API key")).to_be_visible()


def test_a_wrong_limit_is_told_beside_the_form(admin: Window) -> None:
    admin.watch.expected.append("404")
    page = admin.page
    page.goto("/console/keys")
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Models, by commas").fill("demoo")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("Did you mean 'demo'?")
