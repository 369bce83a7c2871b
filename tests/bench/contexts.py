"""The first token of conversations that come back after others, with the cache beyond the slots and without.

    python -m tests.bench.contexts --model build/bench/bench-0.5b-q4_0.gguf --conversations 24 --memory 1GiB

Both engines hold the same conversations, which take a turn one after the other, as many at a time as there are slots.
A pair is a turn of all of them with each engine, in changing order. The first turn, which nobody has seen before, is
told apart. Figures are JSON lines.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tasks import logs
from tasks.byte_sizes import bytes_of
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.pages.disk import PageDisk
from tasks.engine.pages.folder import PageFolder
from tasks.engine.pages.store import PageStore
from tasks.engine.sequence import Sequence
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.sampling import SamplingParams
from tasks.settings import Settings

QUESTION_TOKENS, ANSWER_TOKENS = 16, 8
PARAMS = SamplingParams(temperature=0, max_tokens=ANSWER_TOKENS, ignore_eos=True)
DISK_BYTES = 64 << 30


@dataclass(slots=True)
class Contender:
    """One engine, and what the conversations have come to with it."""

    name: str
    engine: Engine
    texts: list[list[int]]
    store: PageStore | None = None
    most_bytes: int = 0
    first_tokens: list[float] = field(default_factory=list)
    """Medians, in milliseconds, of the turns so far."""
    cpu_seconds: list[float] = field(default_factory=list)

    def turn(self, slots: int) -> None:
        """All conversations go on by a question and its answer."""
        began, waited = time.process_time(), list[float]()
        for sequence in _run(self.engine, self._asked(), slots):
            waited.append(sequence.first_token_at - sequence.submitted_at)
            self.texts[int(str(sequence.job))] = sequence.tokens
            self.most_bytes = max(self.most_bytes, self.store.num_bytes if self.store else 0)
        self.cpu_seconds.append(time.process_time() - began)
        self.first_tokens.append(1000 * statistics.median(waited))

    @property
    def last(self) -> dict[str, float]:
        """Figures of the last turn, in milliseconds and seconds."""
        return {"first_token_ms": round(self.first_tokens[-1], 1), "cpu_seconds": round(self.cpu_seconds[-1], 2)}

    def _asked(self) -> Iterator[Sequence]:
        for number, text in enumerate(self.texts):
            rng = random.Random(f"{number} {len(text)}")
            question = [rng.randrange(5, 1000) for _ in range(QUESTION_TOKENS)]
            yield Sequence(job=number, index=0, prompt=[*text, *question], params=PARAMS, context=1 << 20)


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=gguf_path(DEMO), help="the demo model if left out")
    parser.add_argument("--conversations", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=800, help="of a conversation before its first turn here")
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--memory", default="4GiB", help="the budget")
    parser.add_argument("--folder", action="store_true", help="keep pages in a folder as well")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    logs.configure(Settings(log_level="warning"))
    with ExitStack() as stack:
        contenders = [_contender(options, stack, name) for name in ("off", "on")]
        for pair in range(options.pairs + 1):
            for each in contenders if pair % 2 else reversed(contenders):
                each.turn(options.slots)
                print(json.dumps({"cache": each.name, **each.last}), flush=True)
        _tell(*contenders)


def _contender(options: argparse.Namespace, stack: ExitStack, name: str) -> Contender:
    context = options.tokens + (QUESTION_TOKENS + ANSWER_TOKENS) * (options.pairs + 2)
    size = {"num_slots": options.slots, "context": context, "cache_tokens": options.slots * context}
    store = None
    if name == "on":
        folder = Path(stack.enter_context(TemporaryDirectory())) if options.folder else None
        disk = PageDisk(PageFolder(folder, budget=DISK_BYTES)) if folder else None
        store = PageStore(bytes_of(options.memory), files=options.model.name, disk=disk)
    engine = stack.enter_context(
        closing(Engine(LlamaBackend(options.model, threads=options.threads, **size), pages=store))
    )
    rng = random.Random(0)
    texts = [[rng.randrange(5, 1000) for _ in range(options.tokens)] for _ in range(options.conversations)]
    return Contender(name, engine, texts, store)


def _run(engine: Engine, asked: Iterator[Sequence], slots: int) -> list[Sequence]:
    """All of them to their ends, so many at a time."""
    running, ended = list[Sequence](), list[Sequence]()
    while True:
        while len(running) < slots and (sequence := next(asked, None)):
            running.append(sequence)
            engine.submit([sequence])
        if not running:
            return ended
        engine.step()
        ended += [sequence for sequence in running if sequence.finish_reason]
        running = [sequence for sequence in running if not sequence.finish_reason]


def _tell(off: Contender, on: Contender) -> None:
    for each in (off, on):
        told = {"cached_tokens": each.engine.figures.cached_tokens, "most_bytes": each.most_bytes}
        print(json.dumps({"cache": each.name, **told}))
    ratios = [new / old for new, old in zip(on.first_tokens[1:], off.first_tokens[1:], strict=True)]
    first = on.cpu_seconds[0] / off.cpu_seconds[0]
    alike = sum(one == other for one, other in zip(on.texts, off.texts, strict=True)) / len(on.texts)
    figures = {"median": statistics.median(ratios), "first_turn_cpu": first, "same_texts": alike}
    print(json.dumps({"ratios": ratios, **{key: round(value, 3) for key, value in figures.items()}}))


if __name__ == "__main__":
    main()
