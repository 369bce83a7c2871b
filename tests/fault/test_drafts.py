"""A worker that drafts tokens is killed: its job goes on at the next token, and nothing that was only drafted shows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support import sse
from tests.support.cluster import Cluster
from tests.support.waiting import until

PLAIN = "The fox sat down. "
STORY = "".join(f"{PLAIN}It counted {number}. {PLAIN}{PLAIN}" for number in range(120))
MODELS = """
models:
  drafting: {path: fake, context: 16384, kv_tokens: 32768, speculation: lookup}
  plain: {path: fake, context: 16384, kv_tokens: 32768}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("drafts")
    script = folder / "script.json"
    script.write_text(
        json.dumps([{"after": "story", "say": STORY}, {"after": "France?", "say": "The capital of France is Paris."}])
    )
    env = {"CARAVAN_FAKE_SCRIPT": str(script), "CARAVAN_FAKE_STEP_SECONDS": "0.005"}
    running = Cluster(folder, models=MODELS, env=env)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def test_a_killed_worker_s_job_goes_on_and_its_text_is_whole(cluster: Cluster) -> None:
    job_id = cluster.submit({"model": "drafting", "prompt": "story", "max_tokens": 12_000})["id"]
    text, killed, seen = "", False, set()
    for received in sse.read(cluster.http, job_id):
        if received.event == "token":
            text += received.data["text"]
            if len(text) > 2000 and not killed:
                cluster.kill("drafting-1")
                killed = True
        assert received.id not in seen
        seen.add(received.id)
    assert text == STORY
    job = cluster.job(job_id, wait=30)
    assert (job["status"], job["attempt"], job["result"]["choices"][0]["text"]) == ("succeeded", 2, STORY)


def test_timings_and_figures_tell_of_drafts_where_there_are_any(cluster: Cluster) -> None:
    body = {"prompt": "story", "max_tokens": 3000}
    drafting, plain = (
        cluster.http.post("/v1/completions", json={"model": model, **body}).json() for model in ("drafting", "plain")
    )
    assert drafting["choices"][0]["text"] == plain["choices"][0]["text"] == STORY[:3000]
    told = drafting["timings"]
    assert 1500 < told["draft_n_accepted"] <= told["draft_n"]
    assert "draft_n" not in plain["timings"]
    labels = '{model="drafting",worker="drafting-1"}'
    figure = f"caravan_worker_accepted_tokens_total{labels}"
    until(lambda: cluster.figures().get(figure, 0) >= told["draft_n_accepted"], what="the next report")
