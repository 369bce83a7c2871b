"""Grammars in GBNF, llama.cpp's form, as Lark rules for llguidance.

llama.cpp reads an answer character by character, and follows all readings at once. llguidance first cuts it into
lexemes, each as long as it can be: with ``[a-z]+ "ab"`` it takes all letters for the first one. So lexemes are longer
than a character only where that makes no difference.
"""

from __future__ import annotations

import time
from typing import Final

from tasks.answers.gbnf.automaton import TooMuchToTell
from tasks.answers.gbnf.lexemes import cut_otherwise
from tasks.answers.gbnf.parser import Choice, GbnfError, Item, read
from tasks.answers.gbnf.shape import Shape, without_recursion

__all__ = ["GbnfError", "to_lark"]

SECONDS: Final = 0.25
"""How long to look for long lexemes. After that each character is one, which costs more for each token."""


class _All:
    """Any item is in it."""

    def __contains__(self, item: object) -> bool:
        return True


def to_lark(text: str) -> str:
    """The Lark rules of a grammar in GBNF, with lexemes as long as is safe. Raises GbnfError."""
    rules = read(text)
    if "root" in without_recursion(rules):
        return Shape({**rules, "root": Choice(((rules["root"],),))}, split=()).lark()
    shape, split, until = Shape(rules, split=()), set[Item](), time.monotonic() + SECONDS
    try:
        while (item := cut_otherwise(shape, until)) is not None:
            split.add(item)
            shape = Shape(rules, split=split)
    except TooMuchToTell:
        return Shape(rules, split=_All()).lark()
    return shape.lark()
