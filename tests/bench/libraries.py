"""Two builds of llama.cpp on one model: pieces of a second in turn, A B B A, and the median of the pairs' ratios.

    python -m tests.bench.libraries --model build/bench/bench-0.5b-q4_0.gguf --against FOLDER [--ours FOLDER]

A folder has a wheel of llama-cpp-python in it: `pip install --no-deps --target FOLDER llama_cpp_python-*.whl`. Ours is
the environment's, if no other is named.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tasks.engine.backend import Row
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tests.bench import engine_alone
from tests.bench.config import Config

STEPS, PROMPT = 8, 512
CASES = {"decode": "decode of 16, tokens/s", "prefill": "prefill of 512, tokens/s"}


def main() -> None:
    """Measure, and print a line a pair and a table."""
    options = _options()
    if options.serve:
        serve(options.model, options.threads)
        return
    with ExitStack() as stack:
        ours, theirs = (
            stack.enter_context(library(folder, options.model, options.threads))
            for folder in (options.ours, options.against)
        )
        print(f"ours: {ours('variant')}; against: {theirs('variant')}; texts alike: {ours('text') == theirs('text')}")
        for case, what in CASES.items():
            compare(what, lambda: float(ours(case)), lambda: float(theirs(case)), options.pairs)  # noqa: B023 - called at once


def compare(what: str, ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> None:
    """Print the median of both, and of the pairs' ratios, with the ratios' quartiles."""
    ours(), theirs()
    measured = []
    for number in range(pairs):
        if number % 2:
            second = theirs()
            measured.append((ours(), second))
        else:
            measured.append((ours(), theirs()))
    ratios = [mine / other for mine, other in measured]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(
        f"{what}: {statistics.median(mine for mine, _ in measured):.0f} against "
        f"{statistics.median(other for _, other in measured):.0f}, ratio {middle:.3f} ({low:.3f} to {high:.3f})",
        flush=True,
    )


@contextmanager
def library(folder: Path | None, model: Path, threads: int) -> Iterator[Callable[[str], str]]:
    """A process with the libraries of a folder: it is told the name of a case, and answers with a figure."""
    environ = {**os.environ, **({"PYTHONPATH": str(folder.absolute())} if folder else {})}
    command = [
        sys.executable,
        "-m",
        "tests.bench.libraries",
        "--serve",
        "--model",
        str(model),
        "--threads",
        str(threads),
    ]
    with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def ask(case: str) -> str:
            print(case, file=requests, flush=True)
            return str(json.loads(answers.readline()))

        yield ask
        requests.close()


def serve(model: Path, threads: int) -> None:
    """Answer the cases that come on standard input, until it ends."""
    config = Config(model=model, runs=1, threads=threads, llama_bin=None, llama_cpp_server=None)
    with engine_alone.open_backend(config) as backend:
        pieces = Pieces(backend)
        cases: dict[str, Callable[[], float | str]] = {
            "prefill": pieces.prefill,
            "decode": pieces.decode,
            "text": pieces.text,
            "variant": lambda: backend.processor,
        }
        for line in sys.stdin:
            print(json.dumps(cases[line.strip()]()), flush=True)


class Pieces:
    """Pieces of work of half a second or so on one backend."""

    def __init__(self, backend: LlamaBackend) -> None:
        self._backend = backend
        self._engine: Engine | None = None
        self._left = 0
        self._prompt = [Row(5 + at * 37 % 900, at, 0, at == PROMPT - 1) for at in range(PROMPT)]

    def prefill(self) -> float:
        """Tokens a second of one prompt."""
        self._forget_all()
        began = time.perf_counter()
        self._backend.decode(self._prompt)
        self._backend.logits(PROMPT - 1)
        return PROMPT / (time.perf_counter() - began)

    def decode(self) -> float:
        """Tokens a second while sequences in all slots decode, which go on from piece to piece."""
        if self._engine is None or self._left < STEPS:
            self._forget_all()
            self._engine, self._left = engine_alone.started_engine(self._backend, prompt_tokens=64), 1024
        self._left -= STEPS
        began = time.perf_counter()
        tokens = sum(len(self._engine.step()) for _ in range(STEPS))
        return tokens / (time.perf_counter() - began)

    def text(self) -> str:
        """The tokens that follow a prompt, each the likeliest."""
        self._forget_all()
        chosen: list[int] = []
        rows = [*self._prompt[:31], self._prompt[31]._replace(wants_logits=True)]
        for at in range(32, 64):
            self._backend.decode(rows)
            chosen.append(int(self._backend.logits(len(rows) - 1).argmax()))
            rows = [Row(chosen[-1], at, 0, True)]
        return " ".join(map(str, chosen))

    def _forget_all(self) -> None:
        self._engine = None
        for slot in range(self._backend.num_sequences):
            self._backend.forget(slot)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a bench model")
    parser.add_argument("--ours", type=Path, help="a folder with a wheel in it; the environment's if left out")
    parser.add_argument("--against", type=Path, help="a folder with the other")
    parser.add_argument("--pairs", type=int, default=30, help="of each case")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
