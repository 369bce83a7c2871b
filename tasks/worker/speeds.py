"""A program that measures how fast a model is: ``python -m tasks.worker.speeds '{"entry": ..., "threads": [1, 2]}'``.

It writes one JSON object a line, what `Speed` has, or ``{"error": "why it cannot be loaded"}``. First come prompts, one
stream and all of them with each number of threads; then with the best prompts in steps of several sizes, and the curve
from one stream to as many as there are slots. Prompts are random tokens, of which no two begin alike.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TextIO

from tasks.engine.backend import BackendFailure
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence as Running
from tasks.environment import read_settings
from tasks.models import gguf
from tasks.models.catalogue import ModelEntry, gguf_path
from tasks.models.plan.speeds import Kind, Part, Speed, batch_sizes, best_batch, best_threads
from tasks.records.sampling import SamplingParams
from tasks.worker.loading import load_llama

PROMPT_TOKENS = 64
"""Of a stream, before it decodes."""


def main() -> None:
    """Measure. What libraries print goes to standard error: the answers are alone on standard output."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asked = json.loads(sys.argv[1])
    entry = ModelEntry.model_validate(asked["entry"])
    try:
        _measure(entry, asked["threads"], asked["seconds"], answers)
    except BackendFailure as exc:
        answers.write(json.dumps({"error": gguf.trouble(gguf_path(entry)) or str(exc)}) + "\n")


def _measure(entry: ModelEntry, threads: Sequence[int], seconds: float, answers: TextIO) -> None:
    told: list[Speed] = []

    def tell(speed: Speed) -> None:
        told.append(speed)
        answers.write(json.dumps(asdict(speed)) + "\n")

    for count in threads:
        with _Bench(entry, "threads", threads=count, seconds=seconds) as bench:
            tell(bench.prefill())
            for streams in sorted({1, entry.slots}):
                tell(bench.decode(streams))
    best = best_threads(told)
    for size in batch_sizes(entry):
        with _Bench(stepped(entry, size), "batch", threads=best, seconds=seconds) as bench:
            tell(bench.prefill())
    with _Bench(stepped(entry, best_batch(told)), "curve", threads=best, seconds=seconds) as bench:
        for streams in _counts(entry.slots):
            tell(bench.decode(streams))


def stepped(entry: ModelEntry, batch_tokens: int) -> ModelEntry:
    """The entry with steps of so many tokens."""
    together = entry.ubatch_tokens if entry.ubatch_tokens and entry.ubatch_tokens < batch_tokens else None
    return entry.model_copy(update={"batch_tokens": batch_tokens, "ubatch_tokens": together})


def _counts(slots: int) -> Iterator[int]:
    """The streams of the curve: doubled, from one to all."""
    count = 1
    while count < slots:
        yield count
        count *= 2
    yield slots


class _Bench:
    """A loaded model, and how fast it is."""

    def __init__(self, entry: ModelEntry, part: Part, *, threads: int, seconds: float) -> None:
        loaded = load_llama(entry, read_settings().model_copy(update={"threads": threads}))
        assert isinstance(loaded, LlamaBackend)
        self._backend, self._part, self._threads, self._seconds = loaded, part, threads, seconds
        self._random = random.Random(0)

    def __enter__(self) -> _Bench:
        self.decode(1)  # the weights are paged in
        return self

    def __exit__(self, *_: object) -> None:
        self._backend.close()

    def prefill(self) -> Speed:
        """Prompts as long as the context, one after the other."""
        engine, count, spent = Engine(self._backend), 0, 0.0
        while spent < self._seconds:
            sequence = self._sequence(count, self._backend.context - 1)
            engine.submit([sequence])
            began = time.perf_counter()
            while not engine.step():
                pass
            spent += time.perf_counter() - began
            count += sequence.num_prompt_tokens
            self._end(engine, [sequence])
        return self._speed("prefill", 1, count / spent)

    def decode(self, streams: int) -> Speed:
        """So many streams together, once all have their first token."""
        engine, count, spent = Engine(self._backend), 0, 0.0
        while spent < self._seconds:
            length = min(PROMPT_TOKENS, self._backend.context // 2)
            sequences = [self._sequence(number, length) for number in range(streams)]
            engine.submit(sequences)
            while not all(sequence.num_generated for sequence in sequences):
                engine.step()
            while spent < self._seconds and not any(sequence.finish_reason for sequence in sequences):
                began = time.perf_counter()
                count += len(engine.step())
                spent += time.perf_counter() - began
            self._end(engine, sequences)
        return self._speed("decode", streams, count / spent)

    def _sequence(self, number: int, length: int) -> Running:
        params = SamplingParams(temperature=0.0, ignore_eos=True, seed=number)
        prompt = [self._random.randrange(self._backend.vocab_size) for _ in range(length)]
        return Running(job=object(), index=0, prompt=prompt, params=params, context=self._backend.context)

    def _end(self, engine: Engine, sequences: Sequence[Running]) -> None:
        for sequence in sequences:
            engine.abort(sequence.job)
        engine.step()

    def _speed(self, kind: Kind, streams: int, rate: float) -> Speed:
        return Speed(
            part=self._part,
            kind=kind,
            threads=self._threads,
            streams=streams,
            batch_tokens=self._backend.batch_tokens,
            tokens_per_second=round(rate, 1),
        )


if __name__ == "__main__":
    main()
