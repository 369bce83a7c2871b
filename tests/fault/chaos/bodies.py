"""What the load is made of: a fixed pool of greedy bodies, and random orders of every kind of job."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.cluster import chat

Kind = Literal["greedy", "stopped", "choices", "logprobs", "sampled", "schema", "cancelled"]
WEIGHTS: Mapping[Kind, int] = {
    "greedy": 34,
    "cancelled": 16,
    "choices": 10,
    "logprobs": 10,
    "sampled": 12,
    "schema": 10,
    "stopped": 8,
}
PRIORITIES = ("high", "normal", "normal", "normal", "low")

WORDS = {
    "Ben": 640, "Carla": 672, "David": 659, "Elena": 669, "Felix": 652, "Grace": 599, "Hugo": 654, "Iris": 647,
    "Jonas": 665, "Kira": 650, "Leo": 666, "Mia": 624, "Noah": 662, "Olga": 657,
    "fox": 555, "goat": 537, "horse": 551, "llama": 541, "owl": 543, "rabbit": 534, "turtle": 554,
    "bridge": 526, "forest": 536, "lake": 559, "market": 570, "meadow": 562, "mountain": 558, "village": 530,
    "blue": 685, "golden": 687, "old": 690, "red": 707, "silver": 711, "sweet": 702, "warm": 678,
    "curious": 595, "happy": 614, "hungry": 605, "proud": 592, "quiet": 596, "shy": 610, "tired": 609,
}  # fmt: skip
"""Tokens of the demo model: what its stories choose from at random."""
FAVOUR = 3.0
STORIES = (
    ("llama", "Leo goat forest golden quiet", 640),
    ("turtle", "David owl mountain old proud", 640),
    ("rabbit", "Grace fox forest sweet curious", 640),
    ("fox", "David goat forest silver hungry", 640),
    ("horse", "Ben turtle lake blue proud", 640),
    ("rabbit", "Felix horse meadow blue tired", 640),
    ("rabbit", "Mia llama bridge blue proud", 640),
    ("bear", "Elena horse forest silver shy", 640),
    ("owl", "Grace fox village sweet quiet", 640),
    ("goat", "Noah fox mountain red shy", 600),
    ("alpaca", "Kira rabbit mountain blue curious", 550),
    ("cat", "Olga fox forest red happy", 500),
    ("horse", "Iris rabbit market silver quiet", 450),
    ("bear", "Carla rabbit meadow warm tired", 400),
    ("alpaca", "Hugo horse meadow blue quiet", 350),
    ("llama", "Jonas fox market blue quiet", 300),
)
QUESTIONS = (
    "What is 12 + 7?",
    "What is 5 + 9?",
    "What is 8 + 6?",
    "What is 3 + 4?",
    "Count to 9.",
    "Count to 14.",
    "Count to 17.",
    "Count to 20.",
)


def story(animal: str, favoured: str, max_tokens: int, **options: Any) -> dict[str, Any]:
    """A story of exactly so many tokens, greedy unless told otherwise.

    Which name or place it takes is a matter of chance to the model: the likeliest one leads by a hundredth, and what
    else is in the batch changes more than that (docs/engine.md). So each story favours words of its own, and then the
    likeliest token leads by 0.8 everywhere, where company changes 0.13 at most; both were measured. Beyond 640 tokens,
    which is more than the model has learned to say, company changes 0.7, so no story of the pool is longer.
    """
    bias = {str(WORDS[word]): FAVOUR for word in favoured.split()}
    body = {"temperature": 0, "max_tokens": max_tokens, "ignore_eos": True, "logit_bias": bias, **options}
    return chat(f"Tell me a long story about a {animal}.", **body)


POOL: tuple[Mapping[str, Any], ...] = (
    *(story(*streamed) for streamed in STORIES),
    *(chat(question, temperature=0) for question in QUESTIONS),
)
"""Greedy bodies, whose texts are known from an undisturbed run. The stories come first."""

HERD = {
    "type": "array",
    "minItems": 8,
    "maxItems": 12,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 10},
            "kind": {"enum": ["llama", "alpaca", "camel"]},
            "age": {"type": "integer", "minimum": 0, "maximum": 30},
            "tame": {"type": "boolean"},
        },
        "required": ["name", "kind", "age", "tame"],
        "additionalProperties": False,
    },
}
"""Of some hundred tokens, and bounded in every part, so that it always comes to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One job to be.

    Args:
        watched: whether its stream is followed; else it is polled.
        known: the number of the body in the pool that it has its text from, if it is greedy.
        cancel_after: token events after which it is cancelled.
    """

    kind: Kind
    body: Mapping[str, Any]
    watched: bool
    known: int | None = None
    cancel_after: int | None = None

    @property
    def stop(self) -> str | None:
        found: str | None = self.body.get("stop")
        return found

    @property
    def num_tokens(self) -> int | None:
        """How many tokens it has to have in all; None if that is for the model to say."""
        if not self.body.get("ignore_eos") or self.stop is not None:
            return None
        return int(self.body["max_tokens"]) * int(self.body.get("n", 1))


def undisturbed(number: int) -> Order:
    """The order that finds out the text of a body in the pool."""
    return Order(kind="greedy", body=POOL[number], watched=True, known=number)


def random_order(rng: random.Random) -> Order:
    """An order of any kind; the same for the same state of `rng`."""
    kind = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    urgency = {"priority": rng.choice(PRIORITIES)}
    watched = kind == "cancelled" or rng.random() < 0.7
    number = rng.randrange(len(POOL) if kind == "greedy" else len(STORIES))  # only stories are long enough for the rest
    body = {**POOL[number], **urgency}
    match kind:
        case "cancelled":
            return Order(kind=kind, body=body, watched=watched, known=number, cancel_after=rng.randint(1, 250))
        case "choices":
            body["n"] = rng.randint(2, 3)
        case "logprobs":
            body |= {"logprobs": True, "top_logprobs": rng.randint(0, 3)}
        case "stopped":
            body["stop"] = rng.choice(["Chapter 2", "Chapter 3", "Chapter 4"])
        case "sampled":
            drawn = {"temperature": rng.choice([0.7, 1.0]), "seed": rng.randrange(2**60), "max_tokens": 900}
            return Order(kind=kind, body=body | drawn, watched=watched)
        case "schema":
            return Order(kind=kind, body={**_herd(rng), **urgency}, watched=watched)
    return Order(kind=kind, body=body, watched=watched, known=number)


def _herd(rng: random.Random) -> dict[str, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "herd", "schema": HERD}}
    return chat("Who are you?", temperature=0.8, seed=rng.randrange(2**60), max_tokens=900, response_format=form)
