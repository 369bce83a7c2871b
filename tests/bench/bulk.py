"""`caravan bulk run` over rows of random words, as its user runs it."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.config import words


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkLoad:
    """What is asked. Another seed gives other rows."""

    seed: int
    rows: int
    max_tokens: int
    prompt_words: int = 32
    system_words: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkFigures:
    """What was seen, from the command's start to its end."""

    rows: int
    seconds: float
    prompt_tokens: int
    completion_tokens: int

    @property
    def tokens_per_second(self) -> float:
        """All of them, as llama-batched-bench counts."""
        return (self.prompt_tokens + self.completion_tokens) / self.seconds

    @property
    def generated_per_second(self) -> float:
        return self.completion_tokens / self.seconds

    def encode(self) -> dict[str, Any]:
        return asdict(self)


def run(url: str, load: BulkLoad, folder: Path) -> BulkFigures:
    """Run the command against the cluster at `url`."""
    rng = random.Random(load.seed)
    source, output = folder / f"{load.seed}.jsonl", folder / f"{load.seed}.out.jsonl"
    system = words(rng, load.system_words)
    source.write_text("".join(json.dumps({"text": words(rng, load.prompt_words)}) + "\n" for _ in range(load.rows)))
    arguments = ["bulk", "run", source, "-m", "bench", "-o", output, "--prompt", "{{ text }}"]
    arguments += ["--system", system] if system else []
    arguments += ["--max-tokens", load.max_tokens, "--set", "ignore_eos=true"]
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, arguments)],
        env={**os.environ, "CARAVAN_URL": url}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    told = re.search(r"(\d+) rows, (\d+) tokens read, (\d+) written: ", ended.stderr)
    if ended.returncode or told is None or int(told[1]) != load.rows:
        raise RuntimeError(f"the run failed: {ended.stderr}")
    return BulkFigures(rows=load.rows, seconds=seconds, prompt_tokens=int(told[2]), completion_tokens=int(told[3]))
