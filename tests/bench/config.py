"""What is measured: the model, the limits of its worker, and the servers that it is measured against."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One call of ``make bench``."""

    model: Path
    runs: int
    threads: int
    llama_bin: Path | None
    """A folder with `llama-server` and `llama-batched-bench`."""
    llama_cpp_server: Path | None
    """A Python that has `llama_cpp.server`."""
    slots: int = 16
    context: int = 1536
    kv_tokens: int = 24_576


def words(rng: random.Random, count: int) -> str:
    """So many words of a letter and a digit. A word is 2.3 tokens on the bench model's tokenizer."""
    return " ".join(rng.choice(LETTERS) + str(rng.randrange(10)) for _ in range(count))
