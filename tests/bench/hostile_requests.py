"""Requests of one owner that cost a cluster the most: the worst that are known within every limit, and beyond them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.cluster import chat

STORY = "Tell me a long story about a fox."
SPECIAL = "<|im_start|>user<|im_end|>"
CHINESE = "\u72d0\u72f8"


@dataclass(frozen=True, slots=True)
class Request:
    """One call; `leave` closes it after its first bytes."""

    kind: str
    path: str
    body: dict[str, Any] | bytes | None
    method: str = "POST"
    leave: bool = False

    @property
    def data(self) -> bytes | None:
        return json.dumps(self.body).encode() if isinstance(self.body, dict) else self.body


def hostile() -> list[Request]:
    """Fifty requests, some kinds in several sizes, in an order in which kinds alternate."""
    requests = list(_requests())
    return [request for first in range(5) for request in requests[first::5]]


def polite() -> list[Request]:
    """What a program asks that wants nothing but answers."""
    questions = [STORY, "Count to 20.", "What is the capital of France?", "What is 12 + 7?", "Say hello to Mia."]
    return [Request("chat", "/v1/chat/completions", chat(question, max_tokens=96)) for question in questions]


def _requests() -> Iterator[Request]:
    yield from _wide()
    yield from _long_texts()
    yield from _constraints()
    yield from _records()
    yield from _bodies()


def _wide() -> Iterator[Request]:
    """Many sequences, many alternatives, costly samplers."""
    for tokens in (32, 96, 200):
        yield _chat("logprobs of many choices", n=16, logprobs=True, top_logprobs=20, max_tokens=tokens)
    for choices in (32, 64, 128):
        yield _chat("many choices", n=choices, max_tokens=8)
    for prompts in (16, 64):
        body = {"model": "demo", "prompt": ["The capital of France is"] * prompts, "max_tokens": 16, "logprobs": 20}
        yield Request("many prompts", "/v1/completions", body)
    samplers: dict[str, Any] = {"temperature": 2, "top_k": 0, "min_p": 0.01, "typical_p": 0.9, "repeat_penalty": 1.1}
    for choices in (1, 16):
        yield _chat("all samplers", n=choices, max_tokens=96, repeat_last_n=-1, **samplers)
    yield _chat("many biases", logit_bias={str(token): 1 for token in range(3, 303)}, max_tokens=32)
    yield _chat("many stops", stop=[f"{number}#" for number in range(16)], max_tokens=96)
    for probabilities in (20, 100):
        body = {"prompt": STORY, "n_predict": 64, "n_probs": probabilities}
        yield Request("probabilities", "/completion", body)


def _long_texts() -> Iterator[Request]:
    """Contexts that are full, and texts that are beyond any."""
    for words in (200, 400, 700):
        yield _chat("long prompt", f"{words} " + "fox " * words, max_tokens=64)
    for words in (300, 800):
        body = {"model": "demo", "prompt": "fox " * words, "echo": True, "logprobs": 20, "max_tokens": 1}
        yield Request("logprobs of a prompt", "/v1/completions", body)
    for text in (SPECIAL, CHINESE, "fox "):
        yield Request("tokenize", "/tokenize", {"content": text * (900_000 // len(text.encode()))})
    for text in (SPECIAL, "fox "):
        yield _chat("text beyond the context", text * (400_000 // len(text)))
    turns = [{"role": ("user", "assistant")[turn % 2], "content": "fox"} for turn in range(401)]
    yield Request("many turns", "/v1/chat/completions", {"model": "demo", "messages": turns})
    yield Request("apply template", "/apply-template", {"messages": turns})
    yield Request("detokenize", "/detokenize", {"tokens": [5] * 50_000})


def _constraints() -> Iterator[Request]:
    """Grammars and schemas that take long to compile or to follow."""
    for width in (20, 100, 200):
        properties = {f"field_{number}": {"type": "string", "maxLength": 40} for number in range(width)}
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        form = {"type": "json_schema", "json_schema": {"name": "wide", "schema": schema}}
        yield _chat("wide schema", response_format=form, max_tokens=128)
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(30):
        deep = {"type": "object", "properties": {"a": deep, "b": {"type": "integer"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "deep", "schema": deep}}
    yield _chat("deep schema", response_format=form, max_tokens=128)
    for alternatives in (100, 500, 2000):
        words = " | ".join(f'"fox {number}"' for number in range(alternatives))
        yield _chat("wide grammar", grammar=f"root ::= word+\nword ::= {words}", max_tokens=128)
    yield _chat("long repetition", grammar='root ::= [a-z]{1,2000} "." [0-9]{1,500}', max_tokens=256)
    for count in (16, 50, 100):
        parameters = {"type": "object", "properties": {name: {"type": "string"} for name in "abcdefgh"}}
        tools = [
            {"type": "function", "function": {"name": f"tool_{number}", "parameters": parameters}}
            for number in range(count)
        ]
        yield _chat("many tools", tools=tools, tool_choice="required", max_tokens=128)


def _records() -> Iterator[Request]:
    """Lists, records and streams, and calls that are left."""
    for length in (50, 200, 500):
        jobs = [chat(f"Count to {number}.", max_tokens=4, priority="low") for number in range(length)]
        yield Request("list of jobs", "/jobs", json.dumps(jobs).encode())
    for _ in range(2):
        yield Request("list", "/jobs?limit=100", None, "GET")
    yield Request("list", "/models", None, "GET")
    for choices in (1, 16):
        body = chat(STORY, n=choices, stream=True, max_tokens=300)
        yield Request("left stream", "/v1/chat/completions", body, leave=True)
    items = [{"role": "user", "content": f"{number}"} for number in range(300)]
    yield Request("many items", "/v1/responses", {"model": "demo", "input": items})


def _bodies() -> Iterator[Request]:
    """Bodies that are refused."""
    yield Request("not JSON", "/v1/chat/completions", b"[" * 1_000_000)
    yield Request("long name", "/v1/chat/completions", {**chat("Hi"), "model": "x" * 1_000_000})
    yield Request("many fields", "/jobs", {**chat("Hi"), **{f"field_{number}": number for number in range(20_000)}})


def _chat(kind: str, text: str = STORY, **options: Any) -> Request:
    return Request(kind, "/v1/chat/completions", chat(text, **options))
