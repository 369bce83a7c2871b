"""One browser and one cluster with keys for all tests of the folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import scripted
from tests.support import browser as driven
from tests.support.cluster import Cluster
from tests.support.fronts import ADMIN_KEY, bearer
from tests.support.waiting import until

CHAT = "/v1/chat/completions"
MODELS = """
models:
  demo: {path: demo, slots: 2, context: 512, kv_tokens: 1024}
  fake: {path: fake, slots: 2, context: 512, kv_tokens: 1024}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.rsplit("/", 1)[0]):
            item.add_marker(driven.NEEDS_CHROMIUM)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(
        tmp_path_factory.mktemp("cluster"),
        models=MODELS,
        env={"CARAVAN_KEYS": "true", "CARAVAN_ADMIN_KEY": ADMIN_KEY, "CARAVAN_LEASE_SECONDS": "4"},
    )
    running.start()
    running.http.headers.update(bearer(ADMIN_KEY))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Its model `talk` says what `scripted` has."""
    running = scripted.cluster(tmp_path_factory.mktemp("talking"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Open no longer than that: while it is, the thread has an event loop that runs, and other tests want their own."""
    with driven.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def batch(cluster: Cluster) -> str:
    return ended_batch(cluster)


def ended_batch(cluster: Cluster) -> str:
    """The id of a batch that has ended, with a line that has failed."""
    asked: list[dict[str, Any]] = [{"messages": [{"role": "user", "content": "What is 12 + 7?"}]}, {"messages": []}]
    lines = [
        json.dumps({"custom_id": f"row-{number}", "method": "POST", "url": CHAT, "body": {"model": "demo", **body}})
        for number, body in enumerate(asked, 1)
    ]
    file = {"file": ("a.jsonl", "\n".join(lines))}
    input_file = cluster.http.post("/v1/files", data={"purpose": "batch"}, files=file).json()["id"]
    body = {"input_file_id": input_file, "endpoint": CHAT, "completion_window": "24h"}
    made: str = cluster.http.post("/v1/batches", json=body).json()["id"]
    until(lambda: cluster.http.get(f"/v1/batches/{made}").json()["status"] == "completed", what="the batch ends")
    return made


@dataclass(frozen=True)
class Window:
    """A page in a window of its own, and what it watches for."""

    page: Page
    watch: driven.Watch


@pytest.fixture
def window(browser: Browser, cluster: Cluster) -> Iterator[Window]:
    """Nobody has signed in."""
    with driven.context(browser, cluster.url) as opened:
        yield Window(opened.new_page(), opened.watch)  # type: ignore[attr-defined]


@pytest.fixture
def admin(window: Window) -> Window:
    """The admin has signed in."""
    sign_in(window.page, ADMIN_KEY)
    return window


def sign_in(page: Page, key: str, *, path: str = "/") -> None:
    """As a person does, at the page that they were asked for."""
    page.goto(path)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
