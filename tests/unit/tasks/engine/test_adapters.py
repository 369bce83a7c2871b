"""Sequences with different adapters in one engine: a batch has one set, each sequence its turn, and text no company."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.backend import BackendFailure, Row
from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.sequence import Sequence
from tasks.records.adapters import Adapters, names, of_request, together
from tasks.records.sampling import SamplingParams
from tests.support.decoding import CONTEXT, alone, drain, sequence

A, B, HALF, BOTH = (("a", 1.0),), (("b", 1.0),), (("a", 0.5),), (("a", 1.0), ("b", 1.0))
SETS: tuple[Adapters, ...] = ((), A, B, HALF, BOTH)
LONG = SamplingParams(temperature=0, max_tokens=12, ignore_eos=True)
PROMPT = bytes(range(97, 121))


class Watched(FakeBackend):
    """Notes with what each batch was computed, and the slots in it."""

    def __init__(self, *, num_slots: int, cache_tokens: int) -> None:
        super().__init__(num_slots=num_slots, cache_tokens=cache_tokens, adapters=("a", "b"), context=CONTEXT)
        self.batches: list[tuple[Adapters, set[int]]] = []

    def decode(self, rows: SequenceOf[Row]) -> None:
        super().decode(rows)
        self.batches.append((self._adapted, {row.slot for row in rows}))


def watched(*, slots: int = 8, cache: int = 8 * CONTEXT) -> tuple[Engine, Watched]:
    backend = Watched(num_slots=slots, cache_tokens=cache)
    return Engine(backend), backend


asked = st.lists(
    st.tuples(st.binary(min_size=1, max_size=20), st.sampled_from(SETS), st.integers(0, 2)), min_size=1, max_size=10
)


@given(asked=asked, slots=st.integers(1, 4), cache=st.integers(CONTEXT, 3 * CONTEXT), across=st.booleans())
def test_greedy_text_is_that_of_the_same_adapters_alone(
    asked: list[tuple[bytes, Adapters, int]], slots: int, cache: int, across: bool
) -> None:
    backend = FakeBackend(num_slots=slots, context=CONTEXT, cache_tokens=cache, batch_tokens=16, adapters=("a", "b"))
    engine = Engine(backend, across_owners=across, speculation="lookup")
    made = [
        sequence(b"the same beginning " + end, job=number, owner=owner, adapters=adapters, params=LONG)
        for number, (end, adapters, owner) in enumerate(asked)
    ]
    engine.submit(made)
    drain(engine)
    assert [each.text for each in made] == [alone(each).text for each in made]


def test_adapters_and_their_scales_change_the_text() -> None:
    texts = {adapters: alone(sequence(PROMPT, adapters=adapters, params=LONG)).text for adapters in SETS}
    assert len(set(texts.values())) == len(SETS)


def test_a_batch_has_one_set_and_each_sequence_a_token_in_every_round() -> None:
    engine, backend = watched()
    many = [sequence(b"x", job=number, params=LONG) for number in range(5)]
    few = [sequence(b"x", job="a", adapters=A, params=LONG), sequence(b"x", job="b", adapters=B, params=LONG)]
    engine.submit([*many, *few])
    engine.step()
    for _ in range(24):
        engine.step()
        counts = [each.num_generated for each in (*many, *few)]
        assert max(counts) - min(counts) <= 1
    assert [adapters for adapters, _ in backend.batches[:6]] == [(), A, B, (), A, B]
    assert backend.batches[0][1].isdisjoint(backend.batches[1][1])


def test_sets_that_come_and_go_keep_nobody_waiting() -> None:
    engine, backend = watched()
    steady = sequence(b"x", job="steady", params=LONG)
    engine.submit([steady])
    brief = SamplingParams(temperature=0, max_tokens=1)
    for number in range(1, 14):
        engine.submit([sequence(b"y", job=number, adapters=(("a", float(number)),), params=brief)])
        engine.step()
        engine.step()
    assert steady.finish_reason
    assert sum(adapters == () for adapters, _ in backend.batches) == 12


def test_a_prefix_is_shared_within_a_set_alone_also_across_owners() -> None:
    backend = FakeBackend(num_slots=2, context=CONTEXT, cache_tokens=8 * CONTEXT, adapters=("a", "b"))
    engine = Engine(backend, across_owners=True)

    def cached(adapters: Adapters, owner: str) -> int | None:
        one = sequence(PROMPT, job=(adapters, owner), owner=owner, adapters=adapters, params=LONG)
        engine.submit([one])
        drain(engine)
        return one.num_cached

    assert [cached(adapters, "me") for adapters in SETS] == [0] * len(SETS)
    assert cached(A, "you") == len(PROMPT) - 1
    assert cached(HALF, "me") == 0 or cached(HALF, "me") == len(PROMPT) - 1


def test_nobody_waits_for_a_prefill_of_another_set() -> None:
    engine, backend = watched()
    first, second = (sequence(PROMPT, job=adapters, adapters=adapters, params=LONG) for adapters in (A, B))
    engine.submit([first, second])
    engine.step()
    assert first.slot
    assert second.slot
    drain(engine)
    assert backend.batches[0][0] == A


def test_the_base_model_goes_on_without_what_was_adapted_last() -> None:
    engine, _ = watched()
    for adapters in (A, (), BOTH, ()):
        one = sequence(PROMPT, job=adapters, adapters=adapters, params=LONG)
        engine.submit([one])
        drain(engine)
        assert one.text == alone(one).text


def test_the_fake_model_knows_its_adapters_alone() -> None:
    with pytest.raises(BackendFailure, match="there is no adapter c"):
        watched()[1].adapt((("c", 1.0),))


def test_the_same_adapters_are_the_same_in_any_order_and_none_with_nothing_of_it() -> None:
    assert together([("b", 1), ("a", 1), ("c", 0)]) == BOTH
    assert of_request({"adapters": [["a", 1], ["b", 1.0]]}) == BOTH
    assert of_request({}) == ()
    assert names(BOTH) == "a b"


def test_a_sequence_is_taken_up_with_its_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = alone(sequence(PROMPT, adapters=A, params=LONG))
    engine, _ = watched()
    begun: Sequence = sequence(PROMPT, adapters=A, params=LONG)
    for token in whole.generated[:4]:
        begun.extend(token, bytes([token]), ends=False)
    engine.submit([begun, sequence(PROMPT, job="other", params=LONG)])
    drain(engine)
    assert begun.text == whole.text
