"""GBNF means what it means to llama.cpp: its own sampler is asked beside ours."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from typing import Any

import llama_cpp
import pytest

from tasks.answers.constraint import GrammarError, from_text
from tasks.engine.llama import LlamaBackend
from tasks.models.catalogue import DEMO, gguf_path
from tests.support.allowed import allows
from tests.support.random_gbnf import random_gbnf, random_text

GRAMMARS, TEXTS = 500, 20


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=1, context=64, cache_tokens=64, threads=1)
    yield backend
    backend.close()


class Sampler:
    """llama.cpp's own sampler of a grammar."""

    def __init__(self, demo: LlamaBackend, grammar: str) -> None:
        self._demo = demo
        self._sampler = llama_cpp.llama_sampler_init_grammar(demo._vocab, grammar.encode(), b"root")
        self.reads = bool(self._sampler)

    def allows(self, text: str) -> bool:
        """Whether an answer may be this text and end there."""
        llama_cpp.llama_sampler_reset(self._sampler)
        for char in text:
            for token in self._demo.tokenize(char, add_special=False, parse_special=False):
                if not self._takes(token):
                    return False
                llama_cpp.llama_sampler_accept(self._sampler, token)
        return self._takes(self._demo.end_tokens[0])

    def close(self) -> None:
        if self._sampler:
            llama_cpp.llama_sampler_free(self._sampler)

    def _takes(self, token: int) -> bool:
        data = (llama_cpp.llama_token_data * 1)(llama_cpp.llama_token_data(token, 1.0, 0.0))
        array: Any = llama_cpp.llama_token_data_array(data, 1, -1, False)
        llama_cpp.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return not math.isinf(data[0].logit)


def texts_of(demo: LlamaBackend, seed: int) -> list[str]:
    """Texts whose characters are tokens of their own, or several."""
    texts = {random_text(1000 * seed + number) for number in range(TEXTS)}
    return sorted(texts | {"", "ab", "abab", "aabb"})


def test_random_grammars_mean_what_they_mean_to_llama_cpp(demo: LlamaBackend) -> None:
    compared = taken = 0
    for seed in range(GRAMMARS):
        text = random_gbnf(seed)
        theirs = Sampler(demo, text)
        if theirs.reads:
            ours = from_text(text)
            for answer in texts_of(demo, seed):
                assert allows(ours, answer) == theirs.allows(answer), (text, answer)
                compared += 1
                taken += theirs.allows(answer)
        theirs.close()
    assert compared > 200 * TEXTS
    assert taken > 300


@pytest.mark.parametrize(
    ("grammar", "taken", "refused"),
    [
        ('root ::= ("a"+)?', ["", "a", "aaa"], ["b"]),
        ("root ::= ([a-z]{2}){2}", ["abcd"], ["abc", "abcde"]),
        (r'root ::= "\u0041"', ["A"], ["a", r"\u0041"]),
        (r"root ::= [\u00e0-\u00ff]", ["é"], ["e"]),
        ('root ::= . "x"', ["\nx", "ax"], ["x"]),
        ('root ::= [a-z]+ "ab"', ["xab", "xabxab", "abab"], ["ab", "xabx"]),
        ('root ::= [a-z]* "a" | "ab"', ["a", "ba", "ab"], ["bb"]),
        (r'root ::= [\]\[\\"-] [^\n]', ["]x", '"x', "-x"], ["]\n", "ax"]),
        ('root ::= (\n  "a" # one\n  | "b"\n)\n', ["a", "b"], ["", "ab"]),
        (
            'root ::= v\nv ::= "[" w (v ("," w v)*)? "]" w | s | [0-9]+ w\ns ::= "\\"" [^"]* "\\"" w\nw ::= " "*',
            ["[]", '["a]", 12, [ 3 , [] ] ]', "7 "],
            ["[", "[1,]", '"a', "1 2"],
        ),
        ('root ::= "(" root ")" | [a-z]+ "ab"', ["xab", "((xabab))"], ["(ab)", "(xab"]),
        ('root ::= "a" |\n  item\nitem ::= "b" root\n', ["a", "ba", "bba"], ["b"]),
    ],
)
def test_constructs_of_gbnf(demo: LlamaBackend, grammar: str, taken: list[str], refused: list[str]) -> None:
    ours, theirs = from_text(grammar), Sampler(demo, grammar)
    for answer in (*taken, *refused):
        assert allows(ours, answer) == theirs.allows(answer) == (answer in taken), answer
    theirs.close()


@pytest.mark.parametrize(
    ("grammar", "said"),
    [
        ('root ::= "a', "ends within"),
        ("root ::= (((", r"'\)' is missing"),
        ("root ::= foo", "no rule 'foo', in line 1"),
        ('x ::= "a"', "no rule 'root'"),
        (r'root ::= "\q"', r"escape '\\q'"),
        ("root ::= <[1000]>", "a token"),
        ("root ::= [^]", "character class"),
        ("root ::= " + "(" * 99 + '"a"' + ")" * 99, "nested too deeply"),
        ("root ::= *", r"'\*' repeats nothing"),
        ('root ::= "a"{x}', "a repetition is written"),
        ('root ::= "a"{9999}', "0 to 2000 times"),
        ('\nroot = "a"', "'::=' is missing, in line 2"),
    ],
)
def test_what_is_no_gbnf_is_refused_by_the_construct(grammar: str, said: str) -> None:
    with pytest.raises(GrammarError, match=said):
        from_text(grammar)


def test_a_grammar_that_is_too_large_to_judge_is_read_character_by_character(demo: LlamaBackend) -> None:
    text = "root ::= " + " | ".join(f'"{number}-" root' for number in range(400)) + ' | "."'
    ours, theirs = from_text(text), Sampler(demo, text)
    for answer in ("7-399-.", ".", "7-", "400-."):
        assert allows(ours, answer) == theirs.allows(answer)
    theirs.close()
