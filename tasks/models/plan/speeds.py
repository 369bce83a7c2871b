"""How fast a model is, by threads, tokens of a step and streams: measured by a worker's process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.models.catalogue import ModelEntry
from tasks.models.plan.dry_run import CannotLoad, CannotTell

NEAR = 0.97
"""Of the best: who is that fast and takes less is chosen, since speeds differ by so much between two runs."""
LEAST_BATCH, MOST_BATCH = 128, 2048
"""Tokens of a step that are tried."""

Part = Literal["threads", "batch", "curve"]
"""What is varied: the threads, the tokens of a step, or the streams."""
Kind = Literal["prefill", "decode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Tokens a second, of prompts or of as many streams as are decoded together."""

    part: Part
    kind: Kind
    threads: int
    streams: int
    batch_tokens: int
    tokens_per_second: float


def measured(entry: ModelEntry, *, threads: Sequence[int], seconds: float) -> Iterator[Speed]:
    """Each speed as soon as it is known, for every number of threads, and then with the best for the rest.

    Raises:
        CannotLoad: The model cannot be loaded.
        CannotTell: The process ended before it had measured all.
    """
    asked = {"entry": entry.written(), "threads": list(threads), "seconds": seconds}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "tasks.worker.speeds", json.dumps(asked)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                told = json.loads(line)
                if "error" in told:
                    raise CannotLoad(told["error"])
                yield Speed(**told)
            if process.wait():
                log.seek(0)
                raise CannotTell((log.read().strip().splitlines() or [f"it ended with {process.returncode}"])[-1])
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def of(speeds: Iterable[Speed], part: Part) -> list[Speed]:
    """Those of one part."""
    return [speed for speed in speeds if speed.part == part]


def batch_sizes(entry: ModelEntry) -> list[int]:
    """The tokens of a step to try: powers of two that the slots fit, up to the context, of which all prompts are."""
    most = min(max(entry.context, LEAST_BATCH), MOST_BATCH)
    sizes = [1 << power for power in range(LEAST_BATCH.bit_length() - 1, most.bit_length())]
    return [size for size in sizes if size >= entry.slots] or [entry.slots]


def best_batch(speeds: Iterable[Speed]) -> int:
    """The fewest tokens of a step with which prompts are near their fastest: streams wait for one step of a prompt."""
    found = of(speeds, "batch")
    least = max(speed.tokens_per_second for speed in found) * NEAR
    return min(speed.batch_tokens for speed in found if speed.tokens_per_second >= least)


def best_threads(speeds: Iterable[Speed]) -> int:
    """Those with which prompts, one stream and many are fastest together; the fewest that are near it."""
    products: dict[int, float] = {}
    for speed in of(speeds, "threads"):
        products[speed.threads] = products.get(speed.threads, 1.0) * speed.tokens_per_second
    least = max(products.values()) * NEAR
    return min(threads for threads, product in products.items() if product >= least)


def thread_counts(cores: int) -> list[int]:
    """Those to try: the powers of two up to the cores, and all of them."""
    powers = [1 << power for power in range(cores.bit_length()) if 1 << power < cores]
    return [*powers, cores]
