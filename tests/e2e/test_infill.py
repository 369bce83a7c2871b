"""`/infill` against a real cluster, with a model that has the marks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import Cluster
from tests.support.tiny_models import write_infiller

ASKED: dict[str, Any] = {
    "model": "code",
    "input_prefix": "what is",
    "input_suffix": "of france",
    "n_predict": 4,
    "temperature": 0,
}


@pytest.fixture(scope="module")
def filling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("infill")
    models = (
        f"models: {{code: {{path: {write_infiller(folder)}, slots: 2, context: 256, kv_tokens: 512}}, "
        "demo: {path: demo, slots: 1, context: 256}}"
    )
    running = Cluster(folder, models=models, options=["--no-flower"])
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def post(cluster: Cluster, **fields: Any) -> Any:
    return cluster.http.post("/infill", json={**ASKED, **fields})


def test_a_gap_is_filled_and_the_answer_tells_the_prompt(filling: Cluster) -> None:
    answer = post(filling).json()
    assert answer["prompt"] == (
        "<|repo_name|> myproject\n<|file_sep|> filename\n"
        "<s><|fim_prefix|> what is<|fim_suffix|> of france<|fim_middle|>"
    )
    ids = filling.http.post("/tokenize", json={"model": "code", "content": answer["prompt"]}).json()["tokens"]
    assert answer["tokens_predicted"] in range(1, 5)
    assert answer["tokens_evaluated"] <= len(ids)
    more = post(filling, prompt=" the", input_extra=[{"filename": "a.py", "text": "kind", "time": 7}])
    assert more.headers["X-Unused-Parameters"] == "input_extra.time"
    assert "<|file_sep|> a.py\n kind<|file_sep|>" in more.json()["prompt"]
    assert filling.job(more.headers["X-Job-Id"])["status"] == "succeeded"


def test_a_stream_has_the_same_text(filling: Cluster) -> None:
    with filling.http.stream("POST", "/infill", json={**ASKED, "stream": True}) as answer:
        frames = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: ")]
    assert "".join(frame["content"] for frame in frames) == post(filling).json()["content"]
    assert (frames[-1]["stop"], "<|fim_middle|>" in frames[-1]["prompt"]) == (True, True)


def test_only_the_fields_that_are_asked_for_are_told(filling: Cluster) -> None:
    answer = post(filling, response_fields=["content", "timings/prompt_n"]).json()
    assert answer.keys() == {"content", "timings/prompt_n"}
    assert post(filling, response_fields=["prompt"]).json()["prompt"].endswith("<|fim_middle|>")


def test_texts_without_end_are_cut_to_what_is_nearest(filling: Cluster) -> None:
    answer = post(filling, input_prefix="x" * 90_000 + "y", input_suffix="z" * 90_000)
    assert answer.status_code == 200, answer.text
    assert "y<|fim_suffix|> z" in answer.json()["prompt"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input_prefix": None}, "input_prefix"),
        ({"input_suffix": 7}, "input_suffix"),
        ({"prompt": ["a"]}, "prompt"),
        ({"input_extra": {}}, "input_extra"),
        ({"input_extra": [{}]}, "input_extra.0.text"),
        ({"input_extra": [{"filename": "ok"}]}, "input_extra.0.text"),
        ({"input_extra": [{"filename": 123, "text": "abc"}]}, "input_extra.0.filename"),
        ({"input_extra": [{"text": "a"}] * 1025}, "input_extra"),
    ],
)
def test_what_is_no_gap_is_refused(filling: Cluster, fields: dict[str, Any], param: str) -> None:
    refused = post(filling, **fields)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)


def test_a_model_that_fills_no_gaps_says_so(filling: Cluster) -> None:
    refused = post(filling, model="demo")
    assert refused.status_code == 400
    assert "no token for the prefix or the suffix or the middle" in refused.json()["error"]["message"]
