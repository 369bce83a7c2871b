"""A small grammar cannot hold up whoever reads it: what takes long to judge is read character by character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.answers.gbnf import to_lark
from tasks.answers.gbnf.lexemes import _overlap
from tasks.answers.gbnf.parser import merged, read
from tasks.answers.gbnf.shape import without_recursion

RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair))), max_size=6)


def doubling(levels: int) -> str:
    rules = [f"a{level} ::= a{level + 1} a{level + 1}" for level in range(levels)]
    return "\n".join(['root ::= a0 root | "y"', *rules, f'a{levels} ::= ""'])


def alternatives(count: int) -> str:
    parts = " | ".join(['"a"'] * count)
    return f'root ::= ({parts})+ "b" root | "c"'


def chain(rules: int, *, recursive: bool) -> str:
    first = 'root ::= r0 root | "x"' if recursive else "root ::= r0"
    return "\n".join([first, *(f'r{at} ::= "a" r{at + 1}' for at in range(rules)), f'r{rules} ::= "b"'])


@pytest.mark.parametrize(
    "grammar",
    [
        doubling(40),
        alternatives(390),
        chain(300, recursive=True),
        chain(4000, recursive=True),
        chain(4000, recursive=False),
    ],
    ids=["doubling", "alternatives", "deep", "long", "long and regular"],
)
def test_it_is_read_in_the_time_that_judging_may_take(grammar: str) -> None:
    """Without the bounds the first does not end, and the third is too deep for Python."""
    assert to_lark(grammar).startswith("start: ")


def test_a_lexeme_may_go_through_a_hundred_rules() -> None:
    lark = to_lark(chain(100, recursive=True))
    assert "L0: " in lark
    assert "L10: " not in lark


@given(RANGES, RANGES)
def test_ranges_overlap_where_they_have_a_character_in_common(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    characters = [{at for low, high in ranges for at in range(low, high + 1)} for ranges in (one, other)]
    assert _overlap(merged(one), merged(other)) == bool(characters[0] & characters[1])


def test_rules_are_without_recursion_where_all_that_they_name_is() -> None:
    rules = read('root ::= a b\na ::= c "x"\nb ::= "y" b | c\nc ::= "z"\nd ::= b')
    assert without_recursion(rules) == {"a", "c"}
