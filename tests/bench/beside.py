"""A long prompt beside streams: what it costs them, and what they cost it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from tests.bench.client import Answer, ask, body
from tests.bench.config import words
from tests.bench.rows import percentile

STREAMS = 8
STREAM_TOKENS = 320
SETTLED_TOKENS = 24
"""Tokens of each stream before the long prompt comes."""
LONG_WORDS = 1710
"""4,000 tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One run. Prefill speeds are in tokens a second, over the time to the first token."""

    prompt_tokens: int
    prefill_alone: float
    prefill_beside: float
    gap_p99_ms: float
    gap_max_ms: float
    quiet_gap_p99_ms: float
    """Before the long prompt came."""

    def encode(self) -> dict[str, Any]:
        return asdict(self)


async def measure(url: str, seed: int) -> Beside:
    """Prefill a long prompt alone, then another one while streams run.

    Raises:
        RuntimeError: a stream had ended before the prompt was prefilled.
    """
    rng = random.Random(seed)
    alone = await _long_prompt(url, rng)
    streams = [Answer() for _ in range(STREAMS)]
    async with asyncio.TaskGroup() as tasks:
        for stream in streams:
            tasks.create_task(ask(url, body("bench", words(rng, 32), STREAM_TOKENS), stream))
        while not all(len(stream.times) >= SETTLED_TOKENS for stream in streams):
            await asyncio.sleep(0.02)
        beside = await _long_prompt(url, rng)
    if any(stream.times[-1] < beside.times[0] for stream in streams):
        raise RuntimeError("a stream ended before the long prompt was prefilled")
    began, ended = beside.asked, beside.times[0]
    settled = max(stream.times[0] for stream in streams)
    gaps = list(_gaps(streams, began, ended))
    return Beside(
        prompt_tokens=int(beside.usage["prompt_tokens"]),
        prefill_alone=_prefill_speed(alone),
        prefill_beside=_prefill_speed(beside),
        gap_p99_ms=1e3 * percentile(gaps, 0.99),
        gap_max_ms=1e3 * max(gaps),
        quiet_gap_p99_ms=1e3 * percentile(list(_gaps(streams, settled, began)), 0.99),
    )


async def _long_prompt(url: str, rng: random.Random) -> Answer:
    answer = Answer()
    await ask(url, body("bench", words(rng, LONG_WORDS), 1), answer)
    return answer


def _prefill_speed(answer: Answer) -> float:
    return int(answer.usage["prompt_tokens"]) / answer.first_seconds


def _gaps(streams: Iterable[Answer], began: float, ended: float) -> Iterable[float]:
    """Gaps that end between two times."""
    for stream in streams:
        yield from (after - before for before, after in pairwise(stream.times) if began < after <= ended)
