"""Jobs in a browser: their list, and one that lives on through whatever happens."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Window
from tests.support.cluster import Cluster
from tests.support.crew import fake_body
from tests.support.fronts import bearer

MARKUP = "<img src=x onerror=alert(1)><b>Hi</b> &amp; {{ 7*7 }}"


def long_job(cluster: Cluster, tokens: int = 200, **fields: object) -> str:
    """The id of a job that runs for a while: 20 ms a token."""
    body = fake_body("Once upon a time", tokens=tokens)
    return str(cluster.submit({**body, **fields})["id"])


def test_a_stream_survives_a_reload_and_the_death_of_its_worker(admin: Window, cluster: Cluster) -> None:
    page = admin.page
    job = long_job(cluster, 300)
    page.goto(f"/console/jobs/{job}")
    made = page.locator(".made").first
    expect(made).not_to_be_empty()
    before = made.inner_text()
    page.reload()
    expect(made).to_have_text(re.compile(re.escape(before)))
    cluster.kill("fake-1")
    life = page.get_by_role("list").filter(has_text="Accepted")
    expect(life).to_contain_text("Given back", timeout=30_000)
    expect(life).to_contain_text("Resumed", timeout=30_000)
    expect(life).to_contain_text("Done", timeout=60_000)
    text = cluster.job(job)["result"]["choices"][0]["text"]
    assert made.text_content() == text


def test_a_job_is_made_urgent_cancelled_and_run_again(admin: Window, cluster: Cluster) -> None:
    page = admin.page
    cluster.http.post("/queues/fake/pause").raise_for_status()
    try:
        job = long_job(cluster, 4)
        page.goto(f"/console/jobs/{job}")
        expect(page.get_by_role("status").filter(has_text="paused")).to_be_visible()
        page.get_by_label("Priority").select_option("high")
        expect(page.get_by_text("It has the priority high now.")).to_be_visible()
        assert cluster.job(job)["priority"] == "high"
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".badge")).to_have_text("cancelled")
        expect(page.get_by_text("It has no text.")).to_be_visible()
        page.get_by_role("button", name="Retry").click()
        expect(page.locator(".badge")).to_have_text("queued")
    finally:
        cluster.http.post("/queues/fake/resume").raise_for_status()
    expect(page.locator(".badge")).to_have_text("succeeded")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/console/jobs")
    assert cluster.http.get(f"/jobs/{job}").status_code == 404


def test_what_a_client_or_a_model_wrote_is_text(admin: Window, cluster: Cluster) -> None:
    page = admin.page
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    body = {"model": "demo", "messages": [{"role": "user", "content": MARKUP}], "metadata": {"x": MARKUP}}
    job = str(cluster.submit(body)["id"])
    cluster.job(job, wait=30)
    page.goto(f"/console/jobs/{job}")
    page.get_by_text("Request").click()
    expect(page.locator(".asked .made")).to_have_text(MARKUP)
    expect(page.locator("dd").filter(has_text="Hi")).to_have_text(MARKUP)
    assert page.locator("main img, main b").count() == 0


def test_jobs_are_found_by_what_they_are_and_the_address_keeps_it(admin: Window, cluster: Cluster) -> None:
    page = admin.page
    low = long_job(cluster, 2, priority="low")
    cluster.job(low, wait=30)
    page.goto("/console/jobs")
    page.get_by_label("Model").select_option("fake")
    page.get_by_label("Priority").select_option("low")
    page.get_by_label("Status").select_option("succeeded")
    first = page.locator("#jobs tr").first
    expect(first).to_contain_text(low[:8])
    expect(page.locator("#jobs").get_by_text("normal")).to_have_count(0)
    page.reload()
    expect(first).to_contain_text(low[:8])
    assert page.get_by_label("Priority").input_value() == "low"
    page.get_by_label("Owner").fill("nobody")
    page.get_by_label("Owner").press("Enter")
    expect(page.get_by_text("No job is like that.")).to_be_visible()
    page.get_by_label("Owner").fill("")
    page.get_by_label("Dead letters").check()
    expect(page.get_by_text("No job is like that.")).to_be_visible()
    for _ in ("dead letters", "any owner", "nobody's"):
        page.go_back()
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", name=low)).to_be_visible()


def test_a_thousand_jobs_are_paged(admin: Window, cluster: Cluster) -> None:
    bodies = [{**fake_body("a", tokens=1), "priority": "low"} for _ in range(1000)]
    ids = [each["id"] for each in cluster.http.post("/jobs", json=bodies).json()["data"]]
    page = admin.page
    page.goto("/console/jobs?model=fake&priority=low")
    rows, older = page.locator("#jobs tr"), page.get_by_role("button", name="Older")
    for first in range(999, -1, -50):
        expect(rows.first).to_contain_text(ids[first][:8])
        expect(rows).to_have_count(50)
        older.click()
    page.get_by_role("button", name="Newest").click()
    expect(rows.first).to_contain_text(ids[-1][:8])


def test_an_admin_sees_the_jobs_of_all_owners(admin: Window, cluster: Cluster) -> None:
    made = cluster.http.post("/admin/keys", json={"name": "dora"}).json()
    hers = cluster.http.post("/jobs", json=fake_body("a", tokens=1), headers=bearer(made["key"])).json()["id"]
    own = cluster.http.post("/jobs", json=fake_body("a", tokens=1)).json()["id"]
    page = admin.page
    page.goto("/console/jobs?model=fake")
    rows = page.locator("#jobs tr")
    expect(rows.nth(0)).to_contain_text(own[:8])
    expect(rows.nth(0).locator("[data-label=Owner]")).to_have_text("admin")
    expect(rows.nth(1)).to_contain_text(hers[:8])
    expect(rows.nth(1).locator("[data-label=Owner]")).to_have_text("dora")
    page.get_by_label("Owner").fill("dora")
    page.get_by_label("Owner").press("Enter")
    expect(rows).to_have_count(1)


def test_a_job_that_is_not_there_is_told_in_words(admin: Window) -> None:
    admin.watch.expected.append("404")
    admin.page.goto("/console/jobs/none")
    expect(admin.page.get_by_role("alert")).to_contain_text("There is no job 'none'")
