"""Whatever is drafted, a sequence's tokens are those that it has without drafts."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.sequence import Sequence
from tasks.engine.speculation.drafter import LENGTHS, LONGEST_PAUSE, Drafter
from tasks.engine.speculation.lookup import Lookup
from tasks.records.sampling import SamplingParams
from tests.support.decoding import CONTEXT, alone, drain, forget_kept, pool_of, sequence


class Guesses(Lookup):
    """Knows how texts go on, and is wrong now and then."""

    texts: dict[tuple[int, ...], list[int]] = {}  # noqa: RUF012 - set by each test
    wrong_every = 5

    def draft(self, tokens: Several[int], count: int) -> list[int]:
        for whole in self.texts.values():
            if whole[: len(tokens)] == list(tokens):
                coming = whole[len(tokens) : len(tokens) + max(0, count)]
                return [token + ((len(tokens) + at) % self.wrong_every == 0) for at, token in enumerate(coming)]
        return []


params = st.builds(
    SamplingParams,
    max_tokens=st.none() | st.integers(1, 30),
    temperature=st.sampled_from([0.0, 0.8]),
    seed=st.integers(0, 3),
    stop=st.lists(st.text("aeiou ,", min_size=1, max_size=2), max_size=2).map(tuple),
    logprobs=st.none() | st.integers(0, 1),
)


@given(
    given=st.lists(st.tuples(st.binary(min_size=1, max_size=20), params), min_size=1, max_size=6),
    wrong_every=st.integers(2, 20),
    cache=st.integers(CONTEXT, 4 * CONTEXT),
    mode=st.sampled_from(["lookup", "auto"]),
)
@settings(max_examples=200, deadline=None)
def test_the_tokens_are_those_without_drafts(given: list[Any], wrong_every: int, cache: int, mode: Any) -> None:
    wanted = [sequence(prompt, job=number, params=each) for number, (prompt, each) in enumerate(given)]
    expected = [alone(each) for each in wanted]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.engine.speculation.drafter.Lookup", Guesses)
        patch.setattr(Guesses, "texts", {(number,): each.tokens for number, each in enumerate(expected)})
        patch.setattr(Guesses, "wrong_every", wrong_every)
        backend = FakeBackend(num_slots=4, context=CONTEXT, cache_tokens=cache, batch_tokens=64)
        engine = Engine(backend, speculation=mode)
        engine.submit(wanted)
        outputs = drain(engine)
    for made, whole in zip(wanted, expected, strict=True):
        assert (made.tokens, made.text, made.finish_reason) == (whole.tokens, whole.text, whole.finish_reason)
        told = [output for output in outputs if output.sequence is made]
        assert [output.token for output in told] == made.generated
        assert "".join(output.text for output in told) == made.text
        assert [bool(output.logprobs) for output in told[:-1]] == [made.params.logprobs is not None] * (len(told) - 1)
        assert made.num_accepted <= made.num_drafted
    figures = engine.figures
    assert figures.generated_tokens == len(outputs)
    assert figures.accepted_tokens == sum(each.num_accepted for each in wanted)
    forget_kept(engine)
    assert pool_of(engine).cells_used == 0
    assert not any(backend._slots)


def test_drafts_that_come_true_take_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    one = sequence(b"hello", params=SamplingParams(temperature=0.0, max_tokens=30, ignore_eos=True))
    whole = alone(one)
    monkeypatch.setattr("tasks.engine.speculation.drafter.Lookup", Guesses)
    monkeypatch.setattr(Guesses, "texts", {(0,): whole.tokens})
    monkeypatch.setattr(Guesses, "wrong_every", 1000)
    engine = Engine(
        FakeBackend(num_slots=4, context=CONTEXT, cache_tokens=4 * CONTEXT, batch_tokens=64), speculation="lookup"
    )
    engine.submit([one])
    drain(engine)
    assert one.tokens == whole.tokens
    assert engine.figures.steps < 8
    assert (one.num_drafted, one.num_accepted) == (engine.figures.drafted_tokens, engine.figures.accepted_tokens)


@pytest.mark.parametrize(
    ("others", "can_share", "drafts"), [(0, True, True), (3, True, True), (4, True, False), (0, False, False)]
)
def test_few_sequences_draft_and_only_where_the_memory_can_be_cut(
    monkeypatch: pytest.MonkeyPatch, others: int, can_share: bool, drafts: bool
) -> None:
    many = SamplingParams(temperature=0.0, max_tokens=20, ignore_eos=True)
    wanted = [sequence(bytes([number + 65]), job=number, params=many) for number in range(others + 1)]
    monkeypatch.setattr("tasks.engine.speculation.drafter.Lookup", Guesses)
    monkeypatch.setattr(Guesses, "texts", {(at,): alone(each).tokens for at, each in enumerate(wanted)})
    backend = FakeBackend(num_slots=8, context=CONTEXT, cache_tokens=8 * CONTEXT, batch_tokens=64, can_share=can_share)
    engine = Engine(backend, speculation="lookup")
    engine.submit(wanted)
    drain(engine)
    assert bool(engine.figures.drafted_tokens) is drafts


def test_drafts_become_longer_with_success_and_pause_after_failures() -> None:
    drafter, one = Drafter(), sequence([1, 2, 3, *range(4, 40), 1, 2, 3], context=4096)
    lengths = []
    for _ in range(4):
        lengths.append(len(drafter.draft(one, 16)))
        drafter.observe(one, lengths[-1], lengths[-1])
        drafter._lookup._source = 0
    assert lengths == [*LENGTHS, LENGTHS[-1]]
    waits = []
    for _ in range(9):
        drafter.observe(one, 3, 0)
        waits.append(_pause(drafter, one))
    assert waits[:4] == [1, 3, 7, 15]
    assert waits[-1] == LONGEST_PAUSE


def _pause(drafter: Drafter, one: Sequence) -> int:
    return drafter._resumes_at - one.num_generated
