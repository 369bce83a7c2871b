"""The log-likelihoods of prompts, as evaluation programs ask for them, against llama.cpp's own logits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.cluster import Cluster
from tests.support.own_logits import own_logprobs

TEXTS = [
    "The capital of France is Paris.",
    "What is 12 + 7?",
    "Once upon a time there was a llama who lived on a hill. " * 9,
    "caf\u00e9 \N{GRINNING FACE} na\u00efve",
]


def complete(cluster: Cluster, prompt: object, **more: object) -> list[dict[str, Any]]:
    body = {"model": "demo", "prompt": prompt, "temperature": 0, "echo": True, **more}
    answer = cluster.http.post("/v1/completions", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    choices: list[dict[str, Any]] = answer.json()["choices"]
    return choices


def tokens_of(cluster: Cluster, text: str) -> list[int]:
    tokens: list[int] = cluster.http.post("/tokenize", json={"prompt": text}).json()["tokens"]
    return tokens


@pytest.mark.parametrize("max_tokens", [0, 1, 8])
def test_they_are_those_of_llama_cpp(cluster: Cluster, max_tokens: int) -> None:
    tokens = [tokens_of(cluster, text) for text in TEXTS]
    for prompts in (TEXTS, tokens):
        for choice, prompt, text in zip(
            complete(cluster, prompts, logprobs=1, max_tokens=max_tokens), tokens, TEXTS, strict=True
        ):
            told = choice["logprobs"]["token_logprobs"]
            assert told[0] is None
            # From 64 tokens on llama.cpp computes in tiles, and where their edges lie depends on the cache.
            exactness = 1e-3 if len(prompt) < 64 else 0.5
            assert told[1 : len(prompt)] == pytest.approx(own_logprobs(prompt), abs=exactness)
            assert choice["text"].startswith(text)
            assert max_tokens == 8 or len(told) == len(prompt) + max_tokens, "the end of an answer is told as well"


def test_tokens_alternatives_and_offsets_of_prompt_and_answer_stand_side_by_side(cluster: Cluster) -> None:
    for text in TEXTS:
        (choice,) = complete(cluster, text, logprobs=3, max_tokens=4)
        logprobs = choice["logprobs"]
        assert len({len(one) for one in logprobs.values()}) == 1
        assert logprobs["top_logprobs"][0] is None
        assert {len(top) for top in logprobs["top_logprobs"][1:]} == {3}
        for token, offset in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
            assert token.startswith("bytes:") or choice["text"][offset:].startswith(token)
        assert logprobs["text_offset"][0] == 0


def test_a_prompt_that_is_only_read_is_told_and_counted(cluster: Cluster) -> None:
    body = {"model": "demo", "prompt": TEXTS[0], "max_tokens": 0}
    for echo, text in ((True, TEXTS[0]), (False, "")):
        answer = cluster.http.post("/v1/completions", json={**body, "echo": echo}).json()
        (choice,) = answer["choices"]
        assert choice == {"index": 0, "text": text, "logprobs": None, "finish_reason": "length"}
        assert answer["usage"]["completion_tokens"] == 0
        assert answer["usage"]["prompt_tokens"] == len(tokens_of(cluster, TEXTS[0]))


def test_token_ids_are_echoed_as_their_text(cluster: Cluster) -> None:
    tokens = tokens_of(cluster, "<|im_start|>user\nHi")
    (choice,) = complete(cluster, tokens, max_tokens=0)
    assert choice["text"] == "<|im_start|>user\nHi"


@pytest.mark.parametrize("prompt", [TEXTS[3], [40, 41, 42]], ids=["text", "tokens"])
@pytest.mark.parametrize("max_tokens", [0, 3])
def test_a_stream_tells_the_same(cluster: Cluster, prompt: object, max_tokens: int) -> None:
    (whole,) = complete(cluster, prompt, logprobs=2, max_tokens=max_tokens)
    body = {"model": "demo", "prompt": prompt, "temperature": 0, "echo": True, "logprobs": 2, "stream": True}
    sent = cluster.http.post("/v1/completions", json={**body, "max_tokens": max_tokens}).text
    events = [line.removeprefix("data: ") for line in sent.splitlines() if line.startswith("data: {")]
    choices = [choice for event in events for choice in json.loads(event)["choices"]]
    assert "".join(choice["text"] for choice in choices) == whole["text"]
    for field, expected in whole["logprobs"].items():
        told = [one for choice in choices if choice["logprobs"] for one in choice["logprobs"][field]]
        assert told == (pytest.approx(expected, abs=1e-2) if field == "token_logprobs" else told)
        if field in ("tokens", "text_offset"):
            assert told == expected


def test_a_character_of_several_tokens_moves_the_offset_once(cluster: Cluster) -> None:
    body = {
        "model": "demo",
        "prompt": "x",
        "grammar": 'root ::= "a\N{GRINNING FACE}z"',
        "logprobs": 5,
        "max_tokens": 20,
    }
    (choice,) = cluster.http.post("/v1/completions", json=body).json()["choices"]
    assert choice["text"] == "a\N{GRINNING FACE}z"
    assert choice["logprobs"]["text_offset"] == [0, 1, 1, 1, 1, 2]
    assert choice["logprobs"]["tokens"][1] == "bytes:\\xf0"


def test_as_many_alternatives_are_told_as_are_asked_for(cluster: Cluster) -> None:
    body = {"model": "demo", "prompt": "x\N{GRINNING FACE}", "logprobs": 20, "max_tokens": 30, "ignore_eos": True}
    for seed in range(3):
        answer = cluster.http.post("/v1/completions", json={**body, "seed": seed, "temperature": 2, "echo": True})
        (choice,) = answer.json()["choices"]
        assert {len(top) for top in choice["logprobs"]["top_logprobs"] if top is not None} == {20}


STORY = {
    "model": "demo",
    "prompt": "Once upon a time",
    "temperature": 0,
    "max_tokens": 60,
    "ignore_eos": True,
    "logprobs": 1,
}


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_tokens_of_a_stop_string_are_not_told(cluster: Cluster, echo: bool, stream: bool) -> None:
    body = {**STORY, "echo": echo}
    (whole,) = cluster.http.post("/v1/completions", json=body).json()["choices"]
    stop = whole["text"][-30:-12]
    sent = cluster.http.post("/v1/completions", json={**body, "stop": [stop], "stream": stream}).text
    events = [line.removeprefix("data: ") for line in sent.splitlines() if line.startswith("data: {")] or [sent]
    choices = [choice for event in events for choice in json.loads(event)["choices"]]
    text = "".join(choice["text"] for choice in choices)
    assert text == whole["text"].partition(stop)[0]
    told = [token for choice in choices if choice["logprobs"] for token in choice["logprobs"]["tokens"]]
    assert told == whole["logprobs"]["tokens"][: len(told)]
    assert len("".join(told[:-1])) < len(text) <= len("".join(told))
