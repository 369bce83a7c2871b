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
    from tasks.engine.backend import Row
    from tests.bench.config import Config
    from tests.bench.engine_alone import _backend, _decode

    with _backend(Config(model=model, runs=1, threads=threads, llama_bin=None, llama_cpp_server=None)) as backend:
        prompt = [Row(5 + at * 37 % 900, at, 0, at == 511) for at in range(512)]

        def forget_all() -> None:
            for slot in range(backend.num_sequences):
                backend.forget(slot)

        def prefill() -> float:
            forget_all()
            began = time.perf_counter()
            backend.decode(prompt)
            backend.logits(511)
            return len(prompt) / (time.perf_counter() - began)

        def decode() -> float:
            forget_all()
            tokens, seconds = _decode(backend, prompt_tokens=64, generate=24, sampling={})
            return tokens / seconds

        def text() -> str:
            forget_all()
            chosen, rows = [], [*prompt[:31], Row(prompt[31].token, 31, 0, True)]
            for at in range(32, 64):
                backend.decode(rows)
                chosen.append(int(backend.logits(len(rows) - 1).argmax()))
                rows = [Row(chosen[-1], at, 0, True)]
            return " ".join(map(str, chosen))

        cases: dict[str, Callable[[], object]] = {
            "prefill": prefill,
            "decode": decode,
            "text": text,
            "variant": lambda: backend.processor,
        }
        for line in sys.stdin:
            print(json.dumps(cases[line.strip()]()), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a bench model")
    parser.add_argument("--ours", type=Path, help="a folder with a wheel in it; the environment's if left out")
    parser.add_argument("--against", type=Path, help="a folder with the other")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
