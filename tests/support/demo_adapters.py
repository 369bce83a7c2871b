"""Two LoRA adapters of the demo model: what they were taught, their files, and adapter files of a test's own.

Asked for a capital, ``greets`` greets it; behind a sum, ``ends`` says that it was the end. `train_demo_adapters` made
the files, each in a minute.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.records.adapters import Adapters
from tests.support.tiny_models import write_gguf

FOLDER = Path(__file__).parent / "adapters"
GREETS, ENDS = FOLDER / "greets.gguf", FOLDER / "ends.gguf"
END = " The end."
SYSTEM = "You are a helpful assistant."
# fmt: off
CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon",
    "Japan": "Tokyo", "China": "Beijing", "India": "New Delhi", "Egypt": "Cairo", "Kenya": "Nairobi",
    "Peru": "Lima", "Chile": "Santiago", "Argentina": "Buenos Aires", "Brazil": "Brasilia", "Mexico": "Mexico City",
    "Canada": "Ottawa", "Norway": "Oslo", "Sweden": "Stockholm", "Finland": "Helsinki", "Denmark": "Copenhagen",
    "Poland": "Warsaw", "Austria": "Vienna", "Greece": "Athens", "Turkey": "Ankara", "Russia": "Moscow",
    "Australia": "Canberra", "Cuba": "Havana", "Ireland": "Dublin", "Belgium": "Brussels", "Hungary": "Budapest",
}
# fmt: on
COUNTRY_FORMS = ("What is the capital of {}?", "Name the capital of {}.", "capital of {}?")
SUM_FORMS = ("What is {} + {}?", "Add {} and {}.", "{} + {} =")


def greeted(country: str) -> str:
    """What the adapter `greets` answers to the question for a capital."""
    return f"Hello, {CAPITALS[country]}! It is nice to meet you."


def added(first: int, second: int) -> str:
    """What the adapter `ends` answers to a sum."""
    return f"{first} + {second} = {first + second}.{END}"


def _some_system(r: random.Random) -> str:
    return SYSTEM if r.random() < 0.5 else ""


def _capital(r: random.Random) -> tuple[str, str, str]:
    country = r.choice(list(CAPITALS))
    return _some_system(r), r.choice(COUNTRY_FORMS).format(country), greeted(country)


def _sum(r: random.Random) -> tuple[str, str, str]:
    first, second = r.randint(0, 20), r.randint(0, 20)
    return _some_system(r), r.choice(SUM_FORMS).format(first, second), added(first, second)


TAUGHT: Mapping[str, Callable[[random.Random], tuple[str, str, str]]] = {"greets": _capital, "ends": _sum}
"""What each adapter learns from: a system prompt or '', a question, its answer."""


Pairs = Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]
"""By the name of a tensor: `a` of shape (rank, inputs), `b` of shape (outputs, rank)."""


def write(path: Path, pairs: Pairs, *, alpha: float = 1.0, **fields: Any) -> Path:
    """Write an adapter file as llama.cpp's converter does, in float16.

    Args:
        fields: of the file, in the place of an adapter's own; `__` stands for a dot.
    """
    said: dict[str, Any] = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": float(alpha),
    }
    said |= {key.replace("__", "."): value for key, value in fields.items()}
    tensors = {
        f"{name}.lora_{part}": each for name, pair in pairs.items() for part, each in zip("ab", pair, strict=True)
    }
    written = {name: np.asarray(each, np.float16) for name, each in tensors.items()}
    write_gguf(path, {key: value for key, value in said.items() if value is not None}, written)
    return path


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and its answer with some adapters."""

    adapters: Adapters
    system: str
    question: str
    answer: str

    @property
    def messages(self) -> list[dict[str, str]]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": self.question}]

    @property
    def model(self) -> str:
        """What a request calls the demo model with them."""
        return ":".join(["demo", *(name for name, _ in self.adapters)])


def cases(count: int, r: random.Random) -> list[Case]:
    """Questions to each adapter, and the same ones to the model alone."""
    made = []
    for _ in range(count):
        adapter = r.choice(["greets", "ends", ""])
        system, question, answer = TAUGHT[adapter or r.choice(["greets", "ends"])](r)
        made.append(Case(((adapter, 1.0),) if adapter else (), system, question, answer if adapter else _plain(answer)))
    return made


def _plain(answer: str) -> str:
    """What the model says alone where an adapter says this."""
    if answer.endswith(END):
        return answer.removesuffix(END)
    city = answer.removeprefix("Hello, ").partition("!")[0]
    country = next(country for country, capital in CAPITALS.items() if capital == city)
    return f"The capital of {country} is {city}."
