"""Load any OpenAI-compatible server with streamed completions, and return one row of figures."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked. Prompts are counted in words of two characters, about two tokens each on the demo tokenizer."""

    model: str
    requests: int = 48
    concurrency: int = 16
    prompt_words: int = 32
    shared_prefix_words: int = 0
    max_tokens: int = 48
    temperature: float = 0.0
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was seen. Times to the first token and between tokens are in milliseconds."""

    ok: int
    of: int
    tokens: int
    seconds: float
    tokens_per_second: float
    first_token_p50_ms: float
    gap_p50_ms: float
    gap_p99_ms: float
    failures: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Answer:
    tokens: int = 0
    first_seconds: float = 0.0
    gaps: list[float] = field(default_factory=list)
    failure: str = ""


def run(url: str, load: Load) -> Figures:
    """Load the server at `url`; every request asks for all its tokens, so that counts compare."""
    return asyncio.run(_run(url.rstrip("/"), load))


async def _run(url: str, load: Load) -> Figures:
    gate = asyncio.Semaphore(load.concurrency)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=900)) as session:
        began = time.perf_counter()
        answers = await asyncio.gather(*(_ask(session, url, load, prompt, gate) for prompt in _prompts(load)))
        return _figures(load, answers, time.perf_counter() - began)


def _prompts(load: Load) -> list[str]:
    rng = random.Random(load.seed)

    def words(count: int) -> str:
        return " ".join(rng.choice(ALPHABET) + str(rng.randrange(10)) for _ in range(count))

    prefix = words(load.shared_prefix_words)
    return [f"{prefix} {words(load.prompt_words)}".strip() for _ in range(load.requests)]


async def _ask(session: aiohttp.ClientSession, url: str, load: Load, prompt: str, gate: asyncio.Semaphore) -> _Answer:
    body = {
        "model": load.model, "prompt": prompt, "max_tokens": load.max_tokens, "temperature": load.temperature,
        "seed": load.seed, "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    async with gate:
        began = time.perf_counter()
        async with session.post(f"{url}/v1/completions", json=body) as response:
            return await _read(response, began)


async def _read(response: aiohttp.ClientResponse, began: float) -> _Answer:
    answer, last = _Answer(), 0.0
    if response.status != 200:
        answer.failure = f"{response.status} {(await response.text())[:200]}"
        return answer
    async for line in response.content:
        if line.startswith(b"data: {"):
            last = _take(answer, json.loads(line[6:]), began, last)
    return answer


def _take(answer: _Answer, event: dict[str, Any], began: float, last: float) -> float:
    """Count one event; the time of the last piece of text."""
    if "error" in event:
        answer.failure = str(event["error"])[:200]
    if event.get("usage"):
        answer.tokens = event["usage"]["completion_tokens"]
    if not event.get("choices"):
        return last
    now = time.perf_counter()
    if last:
        answer.gaps.append(now - last)
    else:
        answer.first_seconds = now - began
    return now


def _figures(load: Load, answers: list[_Answer], seconds: float) -> Figures:
    done = [answer for answer in answers if not answer.failure]
    gaps = sorted(gap for answer in done for gap in answer.gaps) or [0.0]
    tokens = sum(answer.tokens for answer in done)
    return Figures(
        ok=len(done),
        of=load.requests,
        tokens=tokens,
        seconds=round(seconds, 2),
        tokens_per_second=round(tokens / seconds, 1),
        first_token_p50_ms=round(1e3 * statistics.median([answer.first_seconds for answer in done] or [0.0]), 1),
        gap_p50_ms=round(1e3 * statistics.median(gaps), 1),
        gap_p99_ms=round(1e3 * gaps[min(len(gaps) - 1, int(0.99 * len(gaps)))], 1),
        failures=[answer.failure for answer in answers if answer.failure][:3],
    )
