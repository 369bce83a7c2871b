"""`lm_eval`, unmodified, from its own venv (`make compat`): log-likelihoods against llama.cpp's own logits."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.compat.programs import PYTHON, needs_python
from tests.support.cluster import Cluster
from tests.support.own_logits import own_logprobs

PROGRAM = PYTHON / "lm_eval"
QUESTIONS = [
    {"question": "The capital of France is", "choices": ["Paris", "Rome", "a llama"], "gold": 0},
    {"question": "What is 12 + 7?", "choices": ["19", "17", "20"], "gold": 0},
    {"question": "Once upon a time there was a", "choices": ["fox", "caf\u00e9", "21"], "gold": 0},
]
TASK = """
task: tiny
dataset_path: json
dataset_kwargs: {{data_files: {{test: {questions}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: gold
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
"""


@needs_python
@pytest.mark.parametrize("options", [",num_concurrent=4", ",tokenized_requests=False"])
def test_its_log_likelihoods_are_those_of_llama_cpps_logits(cluster: Cluster, tmp_path: Path, options: str) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text("".join(json.dumps(question) + "\n" for question in QUESTIONS))
    (tmp_path / "tiny.yaml").write_text(TASK.format(questions=questions))
    model = f"model=demo,base_url={cluster.url}/v1/completions,max_length=1024{options}"
    asked_of = [
        "--model",
        "local-completions",
        "--model_args",
        model,
        "--tasks",
        "tiny",
        "--include_path",
        str(tmp_path),
    ]
    ran = subprocess.run(
        [str(PROGRAM), "run", *asked_of, "--output_path", str(tmp_path / "out"), "--log_samples"],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), "NO_PROXY": "127.0.0.1"},
    )
    assert ran.returncode == 0, ran.stderr
    (samples,) = (tmp_path / "out").rglob("samples_*.jsonl")
    asked = [
        (*argument.values(), float(answer[0][0]))
        for line in samples.read_text().splitlines()
        for sample in [json.loads(line)]
        for argument, answer in zip(sample["arguments"].values(), sample["resps"], strict=True)
    ]
    assert len(asked) == 9
    for context, continuation, told in asked:
        whole = _tokens(cluster, context + continuation)
        assert told == pytest.approx(sum(own_logprobs(whole)[len(_tokens(cluster, context)) - 1 :]), abs=1e-3)


def _tokens(cluster: Cluster, text: str) -> list[int]:
    body = {"prompt": text, "add_special_tokens": False}
    tokens: list[int] = cluster.http.post("/tokenize", json=body).json()["tokens"]
    return tokens
