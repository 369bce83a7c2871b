"""Special tokens are found as llama.cpp finds them."""

from __future__ import annotations

import random

import pytest

from tasks.engine.llama.special_tokens import SpecialToken, SpecialTokens

BLANKS = " \t\n\v\f\r"


def special(*texts: str, left: str = "", right: str = "") -> list[SpecialToken]:
    return [
        SpecialToken(number, text, control=True, strips_left=text == left, strips_right=text == right)
        for number, text in enumerate(texts)
    ]


def as_llama(tokens: list[SpecialToken], text: str) -> list[str | int]:
    """llama.cpp's way: of each token, the longest first, all that there are in every fragment."""
    fragments: list[str | int] = [text] if text else []
    for token in sorted(tokens, key=lambda each: -len(each.text.encode())):
        made: list[str | int] = []
        for fragment in fragments:
            if isinstance(fragment, int):
                made.append(fragment)
                continue
            while token.text in fragment:
                before, _, fragment = fragment.partition(token.text)
                before = before.rstrip(BLANKS) if token.strips_left else before
                fragment = fragment.lstrip(BLANKS) if token.strips_right else fragment
                made += [before, token.token] if before else [token.token]
            made += [fragment] if fragment else []
        fragments = made
    return fragments


SETS = {
    "markers": special("<|im_start|>", "<|im_end|>", "</s>", "<s>", "<unk>"),
    "one within another": special("<a>", "<a><b>", "a", "b>"),
    "runs of blanks": special(*(" " * length for length in range(2, 9)), "<s>"),
    "runs beside others": special("  ", "   ", " <s>", "<s> ", "<s>"),
    "ends that begin": special("ab", "bca", "caab", "bb"),
    "takes blanks on its right": special("<user>", "<s>", right="<user>"),
    "takes blanks on its left": special("<mask>", "<s>", "\n", left="<mask>"),
    "none": [],
}


@pytest.mark.parametrize("name", SETS)
def test_they_are_found_as_llama_cpp_finds_them(name: str) -> None:
    tokens = SETS[name]
    chars = sorted({char for token in tokens for char in token.text} | set(" \nx"))
    pick = random.Random(name)
    for _ in range(3000):
        whole = [token.text for token in tokens] or ["x"]
        text = "".join(pick.choice(whole if pick.random() < 0.5 else chars) for _ in range(pick.randrange(12)))
        assert list(SpecialTokens(tokens).split(text)) == as_llama(tokens, text), repr(text)


def test_of_two_that_begin_alike_the_longer_is_found() -> None:
    found = SpecialTokens(special("<think", "<think>"))
    assert list(found.split("a<think>b<thinks")) == ["a", 1, "b", 0, "s"]


def test_every_place_where_one_begins_is_told() -> None:
    assert SpecialTokens(special("aba", "<s>")).beginnings("ababa<s>") == [0, 2, 5]


def test_a_token_without_a_text_is_never_found() -> None:
    assert list(SpecialTokens(special("", "<s>")).split("a<s>")) == ["a", 1]
