"""The engine without anything around it, each time in a process of its own."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from tasks import logs
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams
from tasks.settings import Settings
from tests.bench.config import Config
from tests.bench.rows import percentile

P = ParamSpec("P")
T = TypeVar("T")

TICK_SECONDS = 0.005
QUIET_SECONDS = 3.0


def in_a_child(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a fresh process, which leaves no threads or memory behind."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


def decode_speed(config: Config, *, prompt_tokens: int, generate: int, sampling: dict[str, Any]) -> float:
    """Tokens a second while as many sequences decode as there are slots."""
    with open_backend(config) as backend:
        _decode(backend, prompt_tokens=prompt_tokens, generate=4, sampling=sampling)
        tokens, seconds = _decode(backend, prompt_tokens=prompt_tokens, generate=generate, sampling=sampling)
        return tokens / seconds


def first_tokens(config: Config, prompts: list[str]) -> list[float]:
    """Seconds to the first token of each of these prompts, on an idle engine."""
    with open_backend(config) as backend:
        engine = Engine(backend)
        return [_first_token(engine, backend, prompt) for prompt in prompts]


def tick_lateness(config: Config) -> tuple[float, float]:
    """Seconds that another thread's ticks come late (p99): while sequences decode, and while nothing runs."""
    with open_backend(config) as backend:
        quiet = _Ticker()
        time.sleep(QUIET_SECONDS)
        quiet.stop()
        _decode(backend, prompt_tokens=64, generate=4, sampling={})
        tickers: list[_Ticker] = []
        _decode(backend, prompt_tokens=64, generate=160, sampling={}, started=lambda: tickers.append(_Ticker()))
        tickers[0].stop()
        return percentile(tickers[0].late, 0.99), percentile(quiet.late, 0.99)


@contextmanager
def open_backend(config: Config) -> Iterator[LlamaBackend]:
    """The model, with the limits that a worker has in the benchmark."""
    logs.configure(Settings(log_level="warning"))
    backend = LlamaBackend(
        config.model,
        num_slots=config.slots,
        context=config.context,
        cache_tokens=config.kv_tokens,
        threads=config.threads,
    )
    try:
        yield backend
    finally:
        backend.close()


def _decode(
    backend: LlamaBackend,
    *,
    prompt_tokens: int,
    generate: int,
    sampling: dict[str, Any],
    started: Callable[[], object] = lambda: None,
) -> tuple[int, float]:
    """Decode one sequence a slot. Tokens and seconds of `generate` steps, from when all have their first token."""
    engine, rng = Engine(backend), random.Random(generate)
    sequences = [
        _sequence(number, [rng.randrange(5, 1000) for _ in range(prompt_tokens)], backend.context, sampling)
        for number in range(backend.num_slots)
    ]
    engine.submit(sequences)
    while not all(sequence.num_generated for sequence in sequences):
        engine.step()
    started()
    began = time.perf_counter()
    tokens = sum(len(engine.step()) for _ in range(generate))
    seconds = time.perf_counter() - began
    _end(engine, sequences)
    return tokens, seconds


def started_engine(backend: LlamaBackend, *, prompt_tokens: int) -> Engine:
    """An engine with a sequence in each slot, all of which have their first token."""
    engine, rng = Engine(backend), random.Random(0)
    sequences = [
        _sequence(number, [rng.randrange(5, 1000) for _ in range(prompt_tokens)], backend.context, {})
        for number in range(backend.num_slots)
    ]
    engine.submit(sequences)
    while not all(sequence.num_generated for sequence in sequences):
        engine.step()
    return engine


def _first_token(engine: Engine, backend: LlamaBackend, prompt: str) -> float:
    tokens = backend.tokenize(prompt, add_special=True, parse_special=True)
    sequence = _sequence(0, tokens, backend.context, {})
    began = time.perf_counter()
    engine.submit([sequence])
    while not engine.step():
        pass
    seconds = time.perf_counter() - began
    _end(engine, [sequence])
    return seconds


def _sequence(number: int, prompt: list[int], context: int, sampling: dict[str, Any]) -> Sequence:
    """A sequence that goes on until it is ended."""
    params = SamplingParams(**{"temperature": 0.0, "ignore_eos": True, "seed": number, **sampling})
    return Sequence(job=number, index=0, prompt=prompt, params=params, context=context)


def _end(engine: Engine, sequences: list[Sequence]) -> None:
    for sequence in sequences:
        engine.abort(sequence.job)
    engine.step()


class _Ticker:
    """A thread that sleeps for 5 ms again and again, and notes how much later it comes back."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            began = time.perf_counter()
            time.sleep(TICK_SECONDS)
            self.late.append(time.perf_counter() - began - TICK_SECONDS)
