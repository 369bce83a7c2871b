"""A message that is streamed through its worker's death."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import sse
from tests.support.cluster import Cluster

MODELS = "models: {demo: {path: demo}, fake: {path: fake, slots: 2, context: 512}}"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path, models=MODELS)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def test_a_message_goes_on_at_its_next_token(cluster: Cluster) -> None:
    asked = {"model": "fake", "max_tokens": 400, "messages": [{"role": "user", "content": "A story."}]}
    with (
        httpx.Client(base_url=cluster.url, timeout=90, trust_env=False) as http,
        http.stream("POST", "/v1/messages", json={**asked, "temperature": 0, "stream": True}) as answer,
    ):
        told: list[sse.Received] = []
        for event in sse.parse(answer.iter_lines()):
            if event.event == "content_block_delta" and not any(each.event == event.event for each in told):
                cluster.kill("fake-1")
            told.append(event)
    kinds = [event.event for event in told if event.event != "ping"]
    assert kinds[:3] == ["message_start", "content_block_start", "content_block_delta"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    job = cluster.job(answer.headers["X-Job-Id"], wait=30)
    assert (job["status"], job["attempt"] > 1) == ("succeeded", True)
    text = "".join(event.data["delta"]["text"] for event in told if event.event == "content_block_delta")
    assert text == job["result"]["choices"][0]["message"]["content"]
    assert told[-2].data["usage"]["output_tokens"] == job["usage"]["completion_tokens"]
