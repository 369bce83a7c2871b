"""Random grammars in GBNF over a few characters, and texts that they may describe."""

from __future__ import annotations

import random
import re

CHARS = "abc\né"
_LITERALS = ('"a"', '"b"', '"ab"', '"abc"', '""', r'"\n"', r'"\u0061"', r'"\x62"', '"é"')
_CLASSES = ("[ab]", "[^a]", "[a-c]", ".", r"[\n]", r"[\u00e0-\u00ff]", "[^b-c\\n]")
_NAME = re.compile(r"\b(root|x|other-rule)\b")
_NOT_EMPTY = ('"a"', '"ab"', "[b-c]", '"b"+')
_REPEATS = ("", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "{1,3}")


def random_gbnf(seed: int) -> str:
    """A grammar of up to three rules, half of them with recursion; the same for the same seed.

    A rule refers to an earlier one, or to itself, behind a character only: llama.cpp refuses left recursion.
    """
    rng = random.Random(seed)
    names = ["root", "x", "other-rule"][: rng.randint(1, 3)]
    rules = [f"{name} ::= {_choice(rng, names[at + 1 :], depth=1)}" for at, name in enumerate(names)]
    if rng.random() < 0.5:
        again = [f"{rng.choice(_NOT_EMPTY)} {rng.choice(names)} {_item(rng, [], depth=1)}" for _ in rules]
        rules = [f"{rule} | {more}" for rule, more in zip(rules, again, strict=True)]
    return rng.choice(["\n", "\n\n # a comment\n"]).join(rules)


def random_text(seed: int) -> str:
    """Up to six of the characters."""
    rng = random.Random(seed)
    return "".join(rng.choices(CHARS, weights=(4, 4, 2, 1, 1), k=rng.randint(0, 6)))


def _choice(rng: random.Random, names: list[str], *, depth: int) -> str:
    return " | ".join(_sequence(rng, names, depth=depth) for _ in range(rng.randint(1, 2)))


def _sequence(rng: random.Random, names: list[str], *, depth: int) -> str:
    return " ".join(_repeated(rng, _item(rng, names, depth=depth)) for _ in range(rng.randint(1, 2)))


def _repeated(rng: random.Random, item: str) -> str:
    """An item several times, or once. llama.cpp repeats no empty text, and takes minutes over rules that repeat."""
    return item if item == '""' or _NAME.search(item) else item + rng.choice(_REPEATS)


def _item(rng: random.Random, names: list[str], *, depth: int) -> str:
    kinds = ["literal", "class", *(["group"] if depth else []), *(["name"] if names else [])]
    match rng.choice(kinds):
        case "literal":
            return rng.choice(_LITERALS)
        case "class":
            return rng.choice(_CLASSES)
        case "name":
            return rng.choice(names)
        case _:
            return f"({_choice(rng, names, depth=depth - 1)})"
