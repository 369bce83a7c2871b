"""Bulk runs, from a file to its answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Window, sign_in
from tests.support import browser as driven
from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY

TOO_LONG = "very " * 600
"""For the model's context."""


@pytest.fixture
def opened(browser: Browser, talking: Cluster) -> Iterator[Window]:
    """The page of bulk runs, of somebody who has signed in."""
    with driven.context(browser, talking.url) as context:
        page = context.new_page()
        sign_in(page, ADMIN_KEY, path="/console/bulk")
        yield Window(page, context.watch)  # type: ignore[attr-defined]


@pytest.fixture
def page(opened: Window) -> Page:
    return opened.page


def reviews(folder: Path, rows: int, *, too_long: int = 0, name: str = "reviews.csv") -> Path:
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "my text"])
        for number in range(1, rows + 1):
            writer.writerow([number, TOO_LONG if number == too_long else f'The "food", number {number},\nwas good.'])
    return path


def choose(page: Page, file: Path, rows: str) -> None:
    page.get_by_label("File").set_input_files(file)
    expect(page.get_by_text(rows)).to_be_visible()


def downloaded(page: Page, button: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def read(path: Path) -> Sequence[Mapping[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_twenty_rows_from_the_upload_to_the_download_with_one_that_fails(page: Page, tmp_path: Path) -> None:
    choose(page, reviews(tmp_path, 20, too_long=7), "20 rows, 2 columns")
    expect(page.get_by_text("Write a prompt to see here what the model is asked.")).to_be_visible()
    page.get_by_label("Prompt", exact=True).fill("Classify: ")
    page.get_by_label("Prompt", exact=True).press("End")
    page.get_by_role("button", name="my text").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value('Classify: {{ row["my text"] }}')
    expect(page.get_by_text("Write a prompt to see here")).to_be_hidden()
    expect(page.get_by_role("row", name="Row 2")).to_contain_text('Classify: The "food", number 2,')
    page.get_by_role("button", name="Ask the first rows").click()
    expect(page.get_by_role("row", name="Row 3")).to_contain_text("positive", timeout=30_000)
    assert driven.serious_faults(page) == []
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/console/bulk/batch_*")
    expect(page.get_by_role("heading", name="reviews.csv")).to_be_visible()
    expect(page.locator("main").get_by_role("link", name="Bulk")).to_be_visible()
    page.reload()
    expect(page.locator("#status")).to_have_text("completed", timeout=60_000)
    expect(page.locator("#progress")).to_contain_text("20 of 20")
    failed = page.locator("#failed").get_by_role("row")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("Row 7")
    expect(failed).to_contain_text("context")
    expect(failed).to_contain_text("Classify: very very")
    answered = page.locator("#answers").get_by_role("row").filter(has_text="number 2,")
    expect(answered).to_contain_text('Classify: The "food", number 2,')
    assert driven.serious_faults(page) == []
    rows = read(downloaded(page, "Download as CSV", tmp_path))
    assert [row["id"] for row in rows] == [str(number) for number in range(1, 21)]
    assert [row["answer"] for row in rows] == ["positive"] * 6 + [""] + ["positive"] * 13
    assert "context" in rows[6]["error"]
    assert rows[0]["my text"] == 'The "food", number 1,\nwas good.'
    lines = [json.loads(line) for line in downloaded(page, "Download as JSONL", tmp_path).read_text().splitlines()]
    assert [line.get("answer") for line in lines] == [row["answer"] or None for row in rows]
    with page.expect_download() as raw:
        page.get_by_role("link", name="Failed rows as they came").click()
    assert json.loads(raw.value.path().read_text())["custom_id"] == "row-7"
    page.goto("/console/bulk")
    expect(page.get_by_role("row").filter(has_text="reviews.csv")).to_contain_text("20 of 20")


def test_the_form_waits_for_the_models(page: Page, tmp_path: Path) -> None:
    held: list[Route] = []
    page.route("**/models", lambda route: held.append(route))
    with page.expect_request("**/models"):
        page.reload()
    choose(page, reviews(tmp_path, 2), "2 rows")
    expect(page.get_by_role("button", name="Start the run")).to_be_hidden()
    for route in held:
        route.continue_()
    expect(page.get_by_role("button", name="Start the run")).to_be_visible()
    expect(page.get_by_label("Model")).to_have_value("talk")


def test_a_run_is_paused_resumed_cancelled_and_its_rows_retried(page: Page, tmp_path: Path) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    choose(page, reviews(tmp_path, 60, name="long.csv"), "60 rows")
    page.get_by_label("Prompt", exact=True).fill("Tell a story {{ id }}")
    page.get_by_label("Most tokens").fill("30")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator("#progress")).to_contain_text("rows/s", timeout=30_000)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#status")).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#status")).to_have_text("runs")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#status")).to_have_text("cancelled", timeout=30_000)
    expect(page.locator("#failed")).to_contain_text("batch_cancelled")
    page.get_by_role("button", name="Retry the failed rows").click()
    expect(page.locator("#progress")).to_contain_text("left", timeout=30_000)
    expect(page.locator("#status")).to_have_text("completed", timeout=90_000)
    rows = read(downloaded(page, "Download as CSV", tmp_path))
    assert len(rows) == 60
    assert all(row["answer"] and "error" not in row for row in rows)


def test_answers_with_fields_become_columns(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    path.write_text('{"a": 12, "b": 7, "sum": null}\n{"a": 1, "b": 2, "sum": [1]}\n')
    choose(page, path, "2 rows, 3 columns")
    page.get_by_label("Model").select_option("demo")
    page.get_by_label("Prompt", exact=True).fill("What is {{ a }} + {{ b }}?")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Name of the field").fill("sum")
    page.get_by_label("Type of the field").select_option("integer")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Name of the field").last.fill("sure")
    page.get_by_label("Type of the field").last.select_option("choice")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert").filter(has_text="which values 'sure' may have")).to_be_visible()
    page.get_by_label("The values").last.fill("yes, no")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/console/bulk/batch_*")
    expect(page.locator("#status")).to_have_text("completed", timeout=60_000)
    rows = read(downloaded(page, "Download as CSV", tmp_path))
    assert list(rows[0]) == ["a", "b", "sum", "sum_2", "sure"]
    assert [row["sure"] in ("yes", "no") and int(row["sum_2"]) >= 0 for row in rows] == [True, True]
    assert rows[1]["sum"] == "[1]"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "a,b\n1\n", "Line 2 has 1 fields, and the header 2."),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "Line 2 is no JSON"),
        ("a.csv", "a\n", "The file has no rows."),
        ("a.parquet", "PAR1", "The file's name has to end in .jsonl, .csv or .tsv."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    page: Page, tmp_path: Path, name: str, content: str, told: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    page.get_by_label("File").set_input_files(path)
    expect(page.locator("#found")).to_contain_text(told)
    expect(page.get_by_role("button", name="Start the run")).to_be_hidden()


def test_a_large_file_is_for_the_command(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "large one.csv"
    path.write_text("text\n" + "x" * (8 << 20) + "\n")
    page.get_by_label("File").set_input_files(path)
    expect(page.locator("#command")).to_contain_text("caravan bulk run 'large one.csv' -m talk")


def test_a_prompt_that_makes_no_sense_is_told_before_anything_runs(page: Page, tmp_path: Path) -> None:
    choose(page, reviews(tmp_path, 2), "2 rows")
    for prompt, told in (
        ("{{ txt }}", "There is no column 'txt'. There are 'id', 'my text'."),
        ("{% if id %}", "use caravan bulk run"),
    ):
        page.get_by_label("Prompt", exact=True).fill(prompt)
        expect(page.get_by_role("alert").filter(has_text=told)).to_be_visible()
    page.get_by_label("Prompt", exact=True).fill("Classify: {{ id }}")
    page.get_by_label("Temperature").fill("3")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert").filter(has_text="from 0 to 2")).to_be_visible()
    assert page.url.endswith("/console/bulk")
