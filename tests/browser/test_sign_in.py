"""Signing in and out, as a person does it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Window, sign_in
from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY


def test_whoever_signs_in_is_led_to_where_they_wanted_to_go_and_out_again(window: Window) -> None:
    page = window.page
    sign_in(page, ADMIN_KEY, path="/console/login?next=%3F")
    assert page.url.rstrip("?").endswith("/")
    expect(page.get_by_role("row").filter(has_text="demo")).to_contain_text("loaded")
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert ADMIN_KEY not in str(cookie)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.context.cookies() == []


def test_a_wrong_key_is_told_in_words(window: Window) -> None:
    window.watch.expected.append("401")
    page = window.page
    page.goto("/")
    for key in ("cvn-wrong", "schlüssel"):
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("API key").fill(ADMIN_KEY)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible()


def test_a_login_leads_to_no_other_site(window: Window, cluster: Cluster) -> None:
    window.watch.expected.append("404")  # of this server, which has no such page
    page = window.page
    page.goto("/console/login?next=%2F%2Fevil.example%2Fx")
    page.get_by_label("API key").fill(ADMIN_KEY)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{cluster.url}/evil.example/x")
