"""What a step costs in Python, with a model that costs nothing: ``python -m tests.bench.steps``.

Sequences decode together, and no prompt is prefilled meanwhile. The figures are of the engine's own thread, in
microseconds of processor time: they hold beside other programs.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import statistics
import time
from collections.abc import Sequence as Many

from tasks.engine.backend import Logprobs, Row
from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams

PROMPT = 16
STEPS = 200
REPEATS = 5
PARAMS = SamplingParams(temperature=0, max_tokens=STEPS + PROMPT, ignore_eos=True)


class FreeSampler:
    """Always the same token."""

    logprobs: Logprobs | None = None

    def accept(self, token: int) -> None:
        """Nothing changes."""

    def ready(self, timeout_seconds: float) -> bool:
        """At once."""
        return True

    def sample(self, row: int, position: int) -> int:
        """The letter a."""
        return ord("a")

    def close(self) -> None:
        """There is nothing to free."""


class FreeBackend(FakeBackend):
    """A model that computes nothing and checks nothing."""

    def decode(self, rows: Many[Row]) -> None:
        """Nothing."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Nothing."""

    def forget(self, slot: int, start: int = 0) -> None:
        """Nothing."""

    def sampler(self, params: SamplingParams, index: int, prompt: Many[int] = ()) -> FreeSampler:  # type: ignore[override]
        """One for any sequence."""
        return FreeSampler()


def main() -> None:
    """Measure, and print JSON; with --profile, where the time of the largest number of sequences goes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    for count in options.sequences:
        steps = [step_micros(count) for _ in range(REPEATS)]
        step = statistics.median(steps)
        print(json.dumps({"sequences": count, "step_us": round(step, 1), "us_a_token": round(step / count, 2)}))
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(step_micros, options.sequences[-1])
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)


def step_micros(count: int) -> float:
    """The processor time of a step in which so many sequences decode."""
    context = PROMPT + STEPS + PROMPT
    backend = FreeBackend(num_slots=count, context=context, cache_tokens=2 * count * context, batch_tokens=512)
    engine = Engine(backend)
    engine.submit(
        Sequence(job=job, index=0, prompt=[job % 256] * PROMPT, params=PARAMS, context=context) for job in range(count)
    )
    while len(engine.step()) < count:
        pass
    began = time.thread_time()
    for _ in range(STEPS // 2):
        engine.step()
    return (time.thread_time() - began) * 1e6 / (STEPS // 2)


if __name__ == "__main__":
    main()
