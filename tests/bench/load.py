"""Load a server with streamed completions, and return one row of figures."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.client import Answer, ask, body
from tests.bench.config import words
from tests.bench.rows import percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked. Another seed gives other prompts, so that no server answers from its cache."""

    seed: int
    model: str = "bench"
    requests: int = 48
    concurrency: int = 16
    shared_prefix_words: int = 0
    prompt_words: int = 32
    max_tokens: int = 48

    def prompts(self) -> list[str]:
        rng = random.Random(self.seed)
        prefix = words(rng, self.shared_prefix_words)
        return [f"{prefix} {words(rng, self.prompt_words)}".strip() for _ in range(self.requests)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was seen. Times to the first token and between tokens are in milliseconds."""

    tokens: int
    seconds: float
    tokens_per_second: float
    first_token_p50_ms: float
    gap_p50_ms: float
    gap_p99_ms: float
    client_cpu_ms_per_token: float
    """What this client took of the processor."""

    def encode(self) -> dict[str, Any]:
        return asdict(self)


def run(url: str, load: Load) -> Figures:
    """Load the server at `url`. Raises `StreamFailed` when a request fails: the others' figures mislead."""
    began, cpu_began = time.perf_counter(), time.process_time()
    answers = asyncio.run(_ask_all(url, load))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    firsts = [1e3 * answer.first_seconds for answer in answers if answer.times]
    gaps = [1e3 * gap for answer in answers for gap in answer.gaps] or [0.0]
    tokens = sum(answer.tokens for answer in answers)
    return Figures(
        tokens=tokens,
        seconds=round(seconds, 2),
        tokens_per_second=round(tokens / seconds, 1),
        first_token_p50_ms=round(statistics.median(firsts), 1),
        gap_p50_ms=round(statistics.median(gaps), 1),
        gap_p99_ms=round(percentile(gaps, 0.99), 1),
        client_cpu_ms_per_token=round(1e3 * cpu_seconds / tokens, 3),
    )


async def _ask_all(url: str, load: Load) -> list[Answer]:
    gate = asyncio.Semaphore(load.concurrency)

    async def one(prompt: str) -> Answer:
        answer = Answer()
        async with gate:
            await ask(url, body(load.model, prompt, load.max_tokens), answer)
        return answer

    return await asyncio.gather(*(one(prompt) for prompt in load.prompts()))
