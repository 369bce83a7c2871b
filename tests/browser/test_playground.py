"""A conversation in the playground, through whatever breaks."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser import scripted
from tests.browser.conftest import Window, sign_in
from tests.support import browser as driven
from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY

WEATHER = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
SUM = {
    "type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"], "additionalProperties": False
}  # fmt: skip


@pytest.fixture
def opened(browser: Browser, talking: Cluster) -> Iterator[Window]:
    """The playground, of somebody who has signed in."""
    with driven.context(browser, talking.url) as context:
        page = context.new_page()
        sign_in(page, ADMIN_KEY, path="/console/playground")
        expect(page.get_by_label("Model")).to_have_value("talk")
        yield Window(page, context.watch)  # type: ignore[attr-defined]


@pytest.fixture
def page(opened: Window) -> Page:
    return opened.page


def ask(page: Page, text: str) -> Locator:
    """The answer to a message, which may still be growing."""
    page.locator("#draft").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()
    return page.get_by_role("article", name="Answer").last


def test_an_answer_streams_and_goes_on_after_a_reload_in_its_middle(page: Page) -> None:
    answer = ask(page, "Tell me a story")
    expect(answer).to_contain_text("Line 1 of a long story")
    expect(answer).not_to_contain_text("Line 19")
    page.reload()
    answer = page.get_by_role("article", name="Answer").last
    expect(answer).to_contain_text("Line 1 of a long story")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(answer).to_contain_text("tokens/s", timeout=30_000)
    shown = answer.locator(".text").last.text_content()
    assert shown == scripted.STORY
    expect(answer).to_contain_text("cached")
    page.reload()
    expect(page.get_by_role("article", name="You")).to_have_text("YouTell me a story")
    expect(answer).to_contain_text("Line 19 of a long story")


def test_an_answer_goes_on_through_a_cut_network_and_the_death_of_its_worker(opened: Window, talking: Cluster) -> None:
    opened.watch.expected += ["ERR_INTERNET_DISCONNECTED", "Failed to load resource", "network"]
    page = opened.page
    answer = ask(page, "Tell me a story")
    expect(answer).to_contain_text("Line 2 of a long story")
    page.context.set_offline(True)
    for pid in talking.pids_of("talk-1"):
        os.kill(pid, signal.SIGKILL)
    page.wait_for_timeout(500)
    page.context.set_offline(False)
    expect(answer).to_contain_text("attempt 2", timeout=60_000)
    assert answer.locator(".text").last.text_content() == scripted.STORY
    expect(page.locator("#connection")).to_be_hidden()


def test_an_answer_can_be_stopped_and_what_was_made_stays(page: Page) -> None:
    answer = ask(page, "Tell me a story")
    expect(answer).to_contain_text("Line 1 of a long story")
    page.get_by_role("button", name="Stop").click()
    expect(answer).to_contain_text("stopped")
    expect(answer).not_to_contain_text("Line 19")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    expect(ask(page, "The capital of France?")).to_contain_text("Paris")


def test_what_is_written_before_the_script_is_there_is_not_lost(page: Page) -> None:
    held: list[Route] = []
    page.route("**/playground/page.js", lambda route: held.append(route))
    page.goto("/console/playground", wait_until="commit")
    page.locator("#draft").fill("The capital of France?")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("article", name="You")).to_contain_text("The capital of France?")
    expect(page.get_by_role("article", name="Answer")).to_contain_text("Paris")


def test_an_answer_that_waits_tells_what_for(page: Page, talking: Cluster) -> None:
    talking.http.post("/queues/talk/pause").raise_for_status()
    try:
        answer = ask(page, "The capital of France?")
        expect(answer).to_contain_text("The queue of 'talk' is paused")
    finally:
        talking.http.post("/queues/talk/resume").raise_for_status()
    expect(answer).to_contain_text("Paris")
    expect(answer).not_to_contain_text("is paused")


def test_the_keyboard_stops_an_answer_and_goes_on_in_the_message(page: Page) -> None:
    page.locator("#draft").fill("Tell me a story")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#draft")).to_be_focused()
    expect(page.get_by_role("article", name="Answer")).to_contain_text("Line 1 of a long story")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Answer")).to_contain_text("stopped")
    expect(page.locator("#draft")).to_be_focused()


def test_whatever_a_model_writes_is_no_markup(page: Page) -> None:
    answer = ask(page, "Say something evil")
    expect(answer.locator(".rendered strong")).to_have_text("Bold")
    expect(answer.locator(".rendered li")).to_have_count(2)
    assert answer.locator("script, img").count() == 0
    expect(answer).to_contain_text("<script>document.title='owned'</script>")
    expect(answer).to_contain_text("your bank (https://evil.example/login)")
    expect(answer).to_contain_text("pixel (https://spy.example/p.png)")
    links = answer.get_by_role("link").evaluate_all("links => links.map(link => [link.href, link.rel])")
    assert [href for href, _ in links] == ["https://evil.example/login", "https://spy.example/p.png"]
    assert all("noopener" in rel for _, rel in links)
    assert "owned" not in page.title()
    assert driven.serious_faults(page) == []
    answer.get_by_role("button", name="Raw").click()
    assert answer.locator(".text:visible").last.text_content() == scripted.EVIL
    answer.get_by_role("button", name="Rendered").click()
    expect(answer.locator(".rendered")).to_be_visible()


def test_a_tool_is_called_and_the_chat_goes_on_with_its_result(page: Page) -> None:
    page.get_by_label("Tools, as JSON").fill("[1]")
    page.locator("#draft").fill("What is the weather in Paris?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Tools are a list")).to_be_visible()
    page.get_by_label("Tools, as JSON").fill(json.dumps(WEATHER))
    answer = ask(page, "Tell me the weather")
    expect(answer).to_contain_text('"city": "Paris"')
    answer.get_by_label("Its result").fill("18 degrees")
    answer.get_by_role("button", name="Send the results").click()
    expect(page.get_by_role("article", name="Result of weather")).to_contain_text("18 degrees")
    expect(page.get_by_role("article", name="Answer").last).to_contain_text("It is 18 degrees in Paris.")


def test_reasoning_is_folded(page: Page) -> None:
    answer = ask(page, "Have a thought")
    expect(answer.locator(".rendered")).to_have_text("It is 19.")
    expect(answer.locator(".reasoning > .text")).to_be_hidden()
    answer.get_by_text("Reasoning").click()
    expect(answer.locator(".reasoning > .text")).to_have_text("Nobody asked for the sum. It is 19.")


def test_an_answer_follows_a_schema_and_tells_how_likely_its_tokens_were(page: Page) -> None:
    page.get_by_label("Model").select_option("demo")
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("JSON schema").fill("{")
    page.locator("#draft").fill("What is 12 + 7?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="is no JSON")).to_be_visible()
    page.get_by_label("JSON schema").fill(json.dumps(SUM))
    page.get_by_label("Log probabilities").check()
    answer = ask(page, "What is 12 + 7?")
    expect(answer).to_contain_text("tokens/s", timeout=20_000)
    assert set(json.loads(answer.locator(".text").last.text_content() or "")) == {"sum"}
    assert "%" in (answer.locator(".token").first.get_attribute("title") or "")


def test_a_plain_prompt_goes_on_and_a_wrong_number_is_told(page: Page) -> None:
    page.get_by_label("Plain prompt").check()
    page.get_by_label("Temperature").fill("7")
    page.locator("#draft").fill("The capital of France?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="from 0 to 2")).to_be_visible()
    page.get_by_label("Temperature").fill("0.5")
    expect(ask(page, "The capital of France?")).to_contain_text("The capital of France is Paris.")


@pytest.mark.parametrize(
    ("language", "part"), [("curl", "curl -N"), ("python", "caravan_client"), ("openai", "OpenAI(")]
)
def test_the_request_is_shown_as_code_without_anybody_s_key(page: Page, language: str, part: str) -> None:
    page.locator("#draft").fill("What is 'x'?\nAnd \"y\"?")
    page.get_by_text("The request as code").click()
    page.get_by_label("Language").select_option(language)
    expect(page.locator("#source")).to_contain_text(part)
    code = page.locator("#source").text_content() or ""
    assert "cvn-YOUR-KEY" in code
    assert ADMIN_KEY not in page.content()
    if language != "curl":
        compile(code, "code", "exec")


def test_what_was_said_stays_through_a_reload_and_leaves_with_whoever_signs_out(page: Page) -> None:
    expect(ask(page, "The capital of France?")).to_contain_text("Paris")
    page.locator("#draft").fill("And of")
    page.reload()
    expect(page.locator("#draft")).to_have_value("And of")
    expect(page.get_by_role("article", name="Answer")).to_contain_text("Paris")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").wait_for()
    page.wait_for_load_state("load")
    assert page.evaluate("sessionStorage.length") == 0
    sign_in(page, ADMIN_KEY, path="/console/playground")
    expect(page.get_by_text("Ask a model something")).to_be_visible()
