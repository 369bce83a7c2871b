"""Rows that ask the same are answered once, if the answer is certain to be the same."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.rows.dedup import ENTRY_BYTES, Dedup, Known, question

CHAT = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize("certain", [{"temperature": 0}, {"temperature": 0.0}, {"seed": 7}, {"seed": 0}])
def test_greedy_and_seeded_bodies_are_questions(certain: dict[str, Any]) -> None:
    asked = question(CHAT | certain)
    assert asked is not None
    assert asked == question(certain | CHAT | {"metadata": {"row": "1"}, "timeout": 5, "user": "x", "stop": None})
    assert asked != question(CHAT | certain | {"max_tokens": 4})


@pytest.mark.parametrize("uncertain", [{}, {"temperature": 0.8}, {"seed": None}, {"seed": -1}, {"temperature": None}])
def test_a_body_that_draws_anew_is_none(uncertain: dict[str, Any]) -> None:
    assert question(CHAT | uncertain) is None


def test_vectors_are_certain() -> None:
    body = {"model": "demo", "input": "Hello"}
    assert question(body) is None
    assert question(body, draws=False) is not None


def test_the_second_row_waits_for_the_first_and_the_third_is_known() -> None:
    alike = Dedup[str]()
    assert alike.begin(b"q", 1) is True
    assert alike.begin(b"q", 2) is False
    assert alike.settle(b"q", "a", size=1) == [2]
    assert alike.begin(b"q", 3) == Known("a")


def test_a_failure_reaches_those_that_wait_and_no_others() -> None:
    alike = Dedup[str]()
    alike.begin(b"q", 1)
    alike.begin(b"q", 2)
    assert alike.settle(b"q", "failed", size=None) == [2]
    assert alike.begin(b"q", 3) is True


def test_the_answer_that_was_used_longest_ago_is_let_go() -> None:
    alike = Dedup[str](most_bytes=2 * (ENTRY_BYTES + 1))
    for key in (b"1", b"2"):
        alike.begin(key, 1)
        alike.settle(key, "a", size=1)
    assert alike.begin(b"1", 2) == Known("a")
    alike.begin(b"3", 3)
    alike.settle(b"3", "a", size=1)
    assert alike.begin(b"1", 4) == Known("a")
    assert alike.begin(b"2", 5) is True


@given(st.integers(1, 1500), st.randoms(use_true_random=False))
def test_every_row_has_the_answer_to_its_question_and_memory_is_bounded(most: int, draw: random.Random) -> None:
    rows = [draw.choice("abcdef") for _ in range(80)]
    alike, answers, asked = Dedup[str](most_bytes=most), dict[int, str](), list[int]()
    for row, text in enumerate(rows):
        match alike.begin(text.encode(), row):
            case Known(answer):
                answers[row] = answer
            case True:
                asked.append(row)
        while asked and draw.random() < 0.5:
            done = asked.pop(draw.randrange(len(asked)))
            for each in (done, *alike.settle(rows[done].encode(), rows[done], size=draw.randrange(400))):
                assert each not in answers
                answers[each] = rows[done]
            assert alike._bytes <= most
            assert sum(size for _, size in alike._answered.values()) == alike._bytes
    for done in asked:
        for each in (done, *alike.settle(rows[done].encode(), rows[done], size=0)):
            answers[each] = rows[done]
    assert answers == dict(enumerate(rows))
