"""A suspect is decoded with nothing beside it until its next token; the others stand still and lose nothing."""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.backend import CacheFull, Row
from tasks.engine.engine import Engine, Output
from tasks.engine.fake import FakeBackend
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams
from tests.support.decoding import CONTEXT, MOST_STEPS, drain, sequence
from tests.support.decoding import alone as undisturbed
from tests.unit.tasks.engine.test_engine import cells_held

LONG = SamplingParams(temperature=0, max_tokens=20, ignore_eos=True)
OTHERS = [b"one", b"two", b"three", b"four"]


class Watched(FakeBackend):
    """Knows the slots of its last batch. It refuses an empty one, as llama.cpp does."""

    cells = 1000
    """Where fewer than it should have, it is full too early, as a fragmented cache is."""

    def decode(self, rows: SequenceOf[Row]) -> None:
        assert rows
        if cells_held(self) + len(rows) > self.cells:
            raise CacheFull
        super().decode(rows)
        self.slots = {row.slot for row in rows}


def engine(*, slots: int = 8, cache: int = 8 * CONTEXT, batch: int = 64, can_share: bool = True) -> Engine:
    return Engine(
        Watched(num_slots=slots, context=CONTEXT, cache_tokens=cache, batch_tokens=batch, can_share=can_share)
    )


def backend_of(on: Engine) -> Watched:
    assert isinstance(on._backend, Watched)
    return on._backend


def job(prompt: bytes, *, index: int = 0, alone: bool = False, params: SamplingParams = LONG) -> Sequence:
    made = sequence(prompt, job=prompt, index=index, params=params)
    made.alone = alone
    return made


def begin(on: Engine, sequences: list[Sequence], *, steps: int = 5) -> None:
    """Decode them for a while; all that have a slot have tokens after that."""
    on.submit(sequences)
    for _ in range(steps):
        on.step()


def decoded(on: Engine, sequences: list[Sequence]) -> set[bytes]:
    """The jobs that had rows in the last batch."""
    slots = backend_of(on).slots
    return {s.job for s in sequences if s.slot is not None and s.slot.id in slots}  # type: ignore[misc]


def until_trusted(on: Engine, suspects: list[Sequence], others: list[Sequence]) -> list[Output]:
    """Step until the suspects have a token, with nothing beside them; what came of it."""
    before = [s.num_generated for s in others]
    outputs: list[Output] = []
    for _ in range(MOST_STEPS):
        outputs += on.step()
        assert decoded(on, [*suspects, *others]) <= {s.job for s in suspects}
        assert [s.num_generated for s in others] == before
        if not any(s.alone for s in suspects):
            assert outputs
            return outputs
    raise AssertionError("the trial never ends")


def assert_undisturbed(sequences: list[Sequence]) -> None:
    assert [s.text for s in sequences] == [undisturbed(s).text for s in sequences]


@pytest.mark.parametrize("can_share", [True, False])
def test_a_suspect_has_the_batch_to_itself_and_the_others_keep_their_place(can_share: bool) -> None:
    on, others, suspect = engine(can_share=can_share), [job(prompt) for prompt in OTHERS], job(b"suspect", alone=True)
    begin(on, others)
    slots, computed = [s.slot for s in others], [s.num_computed for s in others]
    on.submit([suspect])
    until_trusted(on, [suspect], others)
    assert [s.slot for s in others] == slots
    assert [s.num_computed for s in others] == computed
    assert on.figures.set_back == 0
    drain(on)
    assert_undisturbed([*others, suspect])


def test_after_its_first_token_all_decode_together_again() -> None:
    on, others, suspect = engine(), [job(prompt) for prompt in OTHERS], job(b"suspect", alone=True)
    begin(on, others)
    on.submit([suspect])
    assert [output.sequence for output in until_trusted(on, [suspect], others)] == [suspect]
    on.step()
    assert decoded(on, [*others, suspect]) == {*OTHERS, b"suspect"}


def test_a_long_prompt_is_alone_in_all_its_batches() -> None:
    on, others, suspect = engine(batch=16), [job(b"one"), job(b"two")], job(b"s" * 40, alone=True)
    begin(on, others)
    on.submit([suspect])
    steps = on.figures.steps
    until_trusted(on, [suspect], others)
    assert on.figures.steps == steps + 1, "one step gave a token, and those before it computed the prompt"
    drain(on)
    assert_undisturbed([*others, suspect])


def test_a_suspect_that_an_earlier_worker_began_is_alone_until_its_next_token() -> None:
    on, other, suspect = engine(), job(b"one"), job(b"suspect", alone=True)
    for token in undisturbed(suspect).generated[:7]:
        suspect.extend(token, bytes([token]), ends=False)
    begin(on, [other])
    on.submit([suspect])
    until_trusted(on, [suspect], [other])
    assert suspect.num_generated == 8
    drain(on)
    assert_undisturbed([other, suspect])


def test_the_choices_of_one_suspect_are_alone_together() -> None:
    on, others = engine(), [job(prompt) for prompt in OTHERS]
    choices = [job(b"suspect", index=index, alone=True, params=DRAWN) for index in range(3)]
    begin(on, others)
    on.submit(choices)
    until_trusted(on, choices, others)
    on.step()
    assert decoded(on, [*choices, *others]) == {*OTHERS, b"suspect"}
    drain(on)
    assert_undisturbed([*others, *choices])
    assert len({choice.text for choice in choices}) == 3


DRAWN = SamplingParams(temperature=1, seed=3, n=3, max_tokens=20, ignore_eos=True)


def test_of_choices_without_a_slot_for_each_the_first_token_of_any_ends_the_trial() -> None:
    on, other = engine(slots=2), job(b"one")
    choices = [job(b"suspect", index=index, alone=True, params=DRAWN) for index in range(5)]
    begin(on, [other])
    on.submit(choices)
    until_trusted(on, choices, [other])
    drain(on)
    assert_undisturbed([other, *choices])


def test_where_all_slots_are_busy_the_youngest_makes_room_and_is_the_next_to_go_on() -> None:
    on, others, suspect = engine(slots=4), [job(prompt) for prompt in OTHERS], job(b"suspect", alone=True)
    begin(on, others)
    waiting = job(b"waiting")
    on.submit([waiting, suspect])
    until_trusted(on, [suspect], others)
    assert [s.slot is None for s in others] == [False, False, False, True]
    assert on.figures.set_back == 1
    drain(on)
    assert others[-1].ended_at < waiting.ended_at
    assert_undisturbed([*others, suspect, waiting])


def test_where_the_cache_is_too_full_the_youngest_make_room() -> None:
    on, others, suspect = engine(cache=2 * CONTEXT), [job(prompt) for prompt in OTHERS], job(b"s" * 40, alone=True)
    begin(on, others, steps=12)
    on.submit([suspect])
    until_trusted(on, [suspect], others)
    assert 0 < on.figures.set_back < len(OTHERS)
    drain(on)
    assert_undisturbed([*others, suspect])


def test_where_the_cache_is_full_too_early_the_youngest_of_the_others_make_room() -> None:
    on, others, suspect = engine(), [job(prompt) for prompt in OTHERS], job(b"s" * 40, alone=True)
    begin(on, others)
    backend_of(on).cells = 60
    on.submit([suspect])
    until_trusted(on, [suspect], others)
    assert 0 < on.figures.set_back < len(OTHERS)
    drain(on)
    assert_undisturbed([*others, suspect])


def test_suspects_of_two_jobs_are_not_decoded_with_others() -> None:
    """A worker tries one job at a time; the engine would take two."""
    on, other, suspects = engine(), job(b"one"), [job(b"bad", alone=True), job(b"worse", alone=True)]
    begin(on, [other])
    on.submit(suspects)
    until_trusted(on, suspects, [other])
    drain(on)
    assert_undisturbed([other, *suspects])


@pytest.mark.parametrize("steps", [0, 1], ids=["before it runs", "while it runs"])
def test_the_abort_of_a_suspect_lets_the_others_go_on(steps: int) -> None:
    on, others, suspect = engine(batch=16), [job(prompt) for prompt in OTHERS], job(b"s" * 40, alone=True)
    begin(on, others)
    on.submit([suspect])
    for _ in range(steps):
        on.step()
    on.abort(b"s" * 40)
    on.step()
    assert decoded(on, others) == set(OTHERS)
    drain(on)
    assert suspect.num_generated == 0
    assert_undisturbed(others)


def test_a_suspect_that_ends_with_its_first_token_lets_the_others_go_on() -> None:
    on, others = engine(), [job(prompt) for prompt in OTHERS]
    suspect = job(b"suspect", alone=True, params=SamplingParams(temperature=0, max_tokens=1))
    begin(on, others)
    on.submit([suspect])
    until_trusted(on, [suspect], others)
    drain(on)
    assert suspect.finish_reason
    assert_undisturbed([*others, suspect])


prompts = st.builds(
    lambda stem, end: stem + end, st.sampled_from([b"", b"all of these begin "]), st.binary(min_size=1, max_size=20)
)


@given(
    slots=st.integers(1, 4),
    cache=st.integers(CONTEXT, 3 * CONTEXT),
    batch=st.integers(4, 64),
    can_share=st.booleans(),
    others=st.lists(st.tuples(st.integers(0, 12), prompts), max_size=6),
    suspect=prompts,
    choices=st.integers(1, 3),
    comes_at=st.integers(0, 12),
)
def test_whatever_runs_beside_a_suspect_stands_still_and_keeps_its_text(
    slots: int,
    cache: int,
    batch: int,
    can_share: bool,
    others: list[tuple[int, bytes]],
    suspect: bytes,
    choices: int,
    comes_at: int,
) -> None:
    on = engine(slots=slots, cache=cache, batch=batch, can_share=can_share)
    arrivals = [(step, sequence(prompt, job=number, params=LONG)) for number, (step, prompt) in enumerate(others)]
    innocent = [s for _, s in arrivals]
    tried = [sequence(suspect, job="suspect", index=index, params=DRAWN) for index in range(choices)]
    for s in tried:
        s.alone = True
    for step in range(13):
        on.submit(s for at, s in arrivals if at == step)
        if step == comes_at:
            on.submit(tried)
            until_trusted(on, tried, innocent)
        on.step()
    drain(on)
    assert_undisturbed([*innocent, *tried])
