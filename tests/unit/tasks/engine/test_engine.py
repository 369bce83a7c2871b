"""The engine: whatever the schedule, a sequence's text is the text that it has alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.backend import BackendFailure, CacheFull, Row
from tasks.engine.engine import Engine, Output
from tasks.engine.fake import FakeBackend, FakeSampler
from tasks.engine.prefixes import LEAST_SHARED_TOKENS
from tasks.engine.sequence import Sequence
from tasks.engine.taking import take
from tasks.records.sampling import SamplingParams
from tests.support.decoding import CONTEXT, GREEDY, MOST_STEPS, alone, drain, forget_kept, pool_of, sequence, twin


class CountingSampler(FakeSampler):
    """Tells its backend what it was told of, and when it is closed."""

    def accept(self, token: int) -> None:
        assert isinstance(self._backend, CountingBackend)
        self._backend.accepted.append(token)

    def close(self) -> None:
        assert isinstance(self._backend, CountingBackend)
        self._backend.open_samplers -= 1


class CountingBackend(FakeBackend):
    """Knows how many samplers are open, and what tokens they were told of."""

    def __init__(
        self, *, num_slots: int, cache_tokens: int, batch_tokens: int, context: int = CONTEXT, can_share: bool = True
    ) -> None:
        super().__init__(
            num_slots=num_slots,
            context=context,
            cache_tokens=cache_tokens,
            batch_tokens=batch_tokens,
            can_share=can_share,
        )
        self.open_samplers = 0
        self.accepted: list[int] = []

    def sampler(self, params: SamplingParams, index: int, prompt: SequenceOf[int] = ()) -> CountingSampler:
        self.open_samplers += 1
        return CountingSampler(self, params, index)


def backend(
    *, slots: int = 4, cache: int = 4 * CONTEXT, batch: int = 64, context: int = CONTEXT, can_share: bool = True
) -> CountingBackend:
    return CountingBackend(
        num_slots=slots, cache_tokens=cache, batch_tokens=batch, context=context, can_share=can_share
    )


def held_by(on: FakeBackend, slot: int) -> list[int]:
    """The tokens that the model's memory has in a slot."""
    return [cell.token for cell in on._slots[slot]]


def cells_held(on: FakeBackend) -> int:
    return len({cell for slot in on._slots for cell in slot})


# -- the property


@dataclass(frozen=True)
class Arrival:
    """One job of one or more sequences: when it comes, and when it is aborted if it is."""

    step: int
    sequences: list[Sequence]
    aborted: int | None = None


@dataclass
class Course:
    """What a schedule made: outputs by job, and by job those that came after its abort."""

    engine: Engine
    outputs: list[Output] = field(default_factory=list)
    too_late: list[Output] = field(default_factory=list)


sampling = st.builds(
    SamplingParams,
    max_tokens=st.none() | st.integers(1, 20),
    temperature=st.sampled_from([0.0, 0.0, 0.8]),
    seed=st.integers(0, 3),
    stop=st.lists(st.text("aeiou ,", min_size=1, max_size=2), max_size=2).map(tuple),
    ignore_eos=st.booleans(),
)
stems = st.sampled_from([bytes(range(CONTEXT)), bytes([*range(24), *range(100, 124)])])
"""What prompts begin with: two texts of which the first half is the same."""
prompts = (
    st.builds(
        lambda stem, length, end: (stem[:length] + end)[: CONTEXT - 1],
        stems,
        st.integers(0, CONTEXT - 2),
        st.binary(min_size=1, max_size=3),
    )
    | st.binary(min_size=1, max_size=CONTEXT - 1)
    | st.binary(min_size=1, max_size=6)
)


@st.composite
def arrivals(draw: st.DrawFn) -> list[Arrival]:
    made = []
    for job in range(draw(st.integers(1, 8))):
        step, prompt, params = draw(st.integers(0, 20)), draw(prompts), draw(sampling)
        aborted = draw(st.none() | st.integers(step, step + 12))
        choices = range(draw(st.integers(1, 3)))
        made.append(Arrival(step, [sequence(prompt, job=job, index=i, params=params) for i in choices], aborted))
    return made


@st.composite
def backends(draw: st.DrawFn) -> CountingBackend:
    slots = draw(st.integers(1, 5))
    cache = draw(st.integers(CONTEXT, CONTEXT * slots))
    made = backend(slots=slots, cache=cache, batch=draw(st.integers(1, 24)), can_share=draw(st.booleans()))
    made.num_sequences = draw(st.integers(slots, 2 * slots))
    return made


def check_memory(engine: Engine, on: FakeBackend) -> None:
    """What sequences run on is in the model's memory as the engine believes."""
    for s in engine._scheduler.running:
        assert s.slot is not None
        assert s.slot.busy
        assert s.slot.tokens == held_by(on, s.slot.id) == s.tokens[: s.num_computed]
    assert cells_held(on) <= on.cache_tokens


def run(on: FakeBackend, jobs: list[Arrival]) -> Course:
    """Step by step, handing over and aborting as the schedule says."""
    course = Course(Engine(on))
    aborted = set()
    for step in range(MOST_STEPS):
        for job in jobs:
            if job.step == step:
                course.engine.submit(job.sequences)
            if job.aborted == step:
                course.engine.abort(job.sequences[0].job)
                aborted.add(job.sequences[0].job)
        outputs = course.engine.step()
        check_memory(course.engine, on)
        course.outputs += outputs
        course.too_late += [output for output in outputs if output.sequence.job in aborted]
        if not course.engine.wait(0) and step > 40:
            return course
    raise AssertionError("the engine never comes to rest")


@settings(max_examples=200)
@given(on=backends(), jobs=arrivals())
def test_whatever_the_schedule_the_text_is_the_text_decoded_alone(on: CountingBackend, jobs: list[Arrival]) -> None:
    course = run(on, jobs)
    assert course.too_late == []
    assert on.open_samplers == 0
    for job in jobs:
        for s in job.sequences:
            expected = alone(s)
            shown = [output for output in course.outputs if output.sequence is s]
            assert s.text == "".join(output.text for output in shown)
            assert s.generated == [output.token for output in shown]
            if s.finish_reason or job.aborted is None:
                assert (s.text, s.generated, s.finish_reason) == (
                    expected.text,
                    expected.generated,
                    expected.finish_reason,
                )
            else:
                assert expected.text.startswith(s.text)
                assert expected.generated[: s.num_generated] == s.generated


@given(on=backends(), jobs=arrivals(), data=st.data())
def test_a_sequence_goes_on_from_any_of_its_tokens(
    on: CountingBackend, jobs: list[Arrival], data: st.DataObject
) -> None:
    """Another worker takes up what was sent, in any mix of others, and comes to the same end."""
    taken_up = []
    for job in jobs:
        for s in job.sequences:
            done = alone(s)
            sent = data.draw(st.integers(0, done.num_generated - 1))
            taken_up.append((done, twin(s, tokens=done.generated[:sent], backend=on)))
    engine = Engine(on)
    engine.submit(again for _, again in taken_up)
    drain(engine)
    for done, again in taken_up:
        assert (again.text, again.generated, again.finish_reason) == (done.text, done.generated, done.finish_reason)


@settings(max_examples=50)
@given(on=backends(), jobs=arrivals())
def test_the_figures_add_up_to_the_outputs(on: CountingBackend, jobs: list[Arrival]) -> None:
    course = run(on, jobs)
    figures = course.engine.figures
    assert figures.generated_tokens == figures.step_sequences == len(course.outputs)
    assert figures.steps <= figures.step_sequences
    ended = [s for job in jobs for s in job.sequences if s.finish_reason]
    assert figures.cached_tokens == sum(s.num_cached or 0 for s in ended)
    assert all(s.num_cached is not None and s.num_cached < s.num_prompt_tokens for s in ended)


@settings(max_examples=50)
@given(on=backends(), jobs=arrivals())
def test_at_rest_no_slot_is_busy_and_only_kept_prefixes_use_cells(on: CountingBackend, jobs: list[Arrival]) -> None:
    engine = run(on, jobs).engine
    assert (engine.figures.running, engine.figures.waiting) == (0, 0)
    assert not any(slot.busy for slot in pool_of(engine)._slots)
    assert engine.figures.cells_used <= (on.cache_tokens if on.can_share else 0)
    forget_kept(engine)
    assert pool_of(engine).cells_used == 0
    assert cells_held(on) == 0


@settings(max_examples=50)
@given(on=backends(), jobs=arrivals())
def test_at_rest_the_kept_prefixes_are_what_the_model_holds(on: CountingBackend, jobs: list[Arrival]) -> None:
    engine = run(on, jobs).engine
    engine._schedule()
    assert [slot.tokens for slot in pool_of(engine)._slots] == [held_by(on, at) for at in range(on.num_sequences)]
    assert pool_of(engine).cells_used == cells_held(on)


@settings(max_examples=50)
@given(on=backends(), jobs=arrivals())
def test_every_step_brings_some_sequence_on(on: CountingBackend, jobs: list[Arrival]) -> None:
    """Each token needs at most the steps in which its sequence's context is computed a token at a time."""
    engine = Engine(on)
    sequences = [s for job in jobs for s in job.sequences]
    engine.submit(sequences)
    since = 0
    while engine.wait(0):
        since = 0 if engine.step() else since + 1
        assert since <= CONTEXT
    assert all(s.finish_reason for s in sequences)


@settings(max_examples=50)
@given(on=backends(), victim=prompts, others=st.lists(prompts, min_size=1, max_size=6), ahead=st.integers(0, 5))
def test_no_stream_of_others_keeps_a_sequence_from_its_end(
    on: CountingBackend, victim: bytes, others: list[bytes], ahead: int
) -> None:
    """Another prompt comes with every step, and there is always one that waits."""
    engine = Engine(on)
    late = sequence(victim, job="late")
    bound = (ahead + 2) * 3 * CONTEXT
    for step in range(bound):
        if step == ahead:
            engine.submit([late])
        engine.submit([sequence(others[step % len(others)], job=step)])
        engine.step()
        if late.finish_reason:
            break
    assert late.text == alone(late).text
    assert late.finish_reason


# -- what the property stands on


def by_hand(prompt: bytes, params: SamplingParams, length: int) -> list[int]:
    """Tokens chosen without an engine: the whole context is run for each."""
    tokens = list(prompt)
    for position in range(length):
        plain = backend()
        plain.decode([Row(token, at, 0, at == len(tokens) - 1) for at, token in enumerate(tokens)])
        tokens.append(plain.sampler(params, 0).sample(len(tokens) - 1, position))
    return tokens[len(prompt) :]


@pytest.mark.parametrize("params", [GREEDY, SamplingParams(temperature=0.7, seed=5)])
def test_a_sequence_alone_gets_the_tokens_that_the_model_gives(params: SamplingParams) -> None:
    done = alone(sequence(b"hello", params=params))
    assert done.num_generated > 8
    assert done.generated == by_hand(b"hello", params, done.num_generated)


def test_a_sequence_that_never_ends_fills_its_context() -> None:
    done = alone(sequence(b"hello", params=SamplingParams(temperature=0, ignore_eos=True)))
    assert done.finish_reason == "length"
    assert len(done.tokens) == CONTEXT


def test_the_last_token_may_end_the_answer() -> None:
    ends = [alone(sequence(bytes([first]))) for first in range(64)]
    reasons = {done.finish_reason for done in ends}
    assert reasons == {"stop", "length"}
    assert all((done.tokens[-1] == 256) == (done.finish_reason == "stop") for done in ends)


# -- steps, one by one


def test_an_engine_without_sequences_makes_nothing() -> None:
    idle = Engine(backend())
    assert not idle.wait(0)
    assert idle.step() == []
    assert idle.figures.steps == 0


@pytest.mark.parametrize("ring", [lambda engine: engine.submit([sequence()]), lambda engine: engine.abort("job")])
def test_a_submission_or_an_abort_wakes_a_waiting_engine(ring: Callable[[Engine], None]) -> None:
    engine = Engine(backend())
    waiting = threading.Thread(target=lambda: engine.wait(10), daemon=True)
    waiting.start()
    waiting.join(0.01)
    ring(engine)
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_submission_is_something_to_do() -> None:
    engine = Engine(backend())
    engine.submit([sequence()])
    assert engine.wait(0)


def test_an_abort_alone_is_nothing_to_do() -> None:
    engine = Engine(backend())
    engine.abort("nobody")
    assert not engine.wait(0)


def test_one_step_gives_each_running_sequence_a_token() -> None:
    engine = Engine(backend())
    a, b = sequence(b"first"), sequence(b"second")
    engine.submit([a, b])
    assert [output.sequence for output in engine.step()] == [a, b]
    assert [output.sequence for output in engine.step()] == [a, b]


def test_the_finish_reason_comes_with_the_last_token() -> None:
    engine = Engine(backend())
    engine.submit([sequence(params=SamplingParams(temperature=0, max_tokens=3))])
    assert [output.finish_reason for output in drain(engine)] == [None, None, "length"]


def test_a_slot_that_falls_free_goes_to_the_next_in_line() -> None:
    engine = Engine(backend(slots=1))
    short = SamplingParams(temperature=0, max_tokens=1)
    sequences = [sequence(bytes([at]), params=short) for at in range(3)]
    engine.submit(sequences)
    assert [output.sequence for _ in range(3) for output in engine.step()] == sequences


def test_a_sequence_taken_up_tells_its_sampler_of_every_token_it_has() -> None:
    engine = Engine(on := backend())
    engine.submit([twin(sequence(b"hello"), tokens=b"there", backend=on)])
    engine.step()
    engine.step()
    assert bytes(on.accepted) == b"there"


def test_a_sequence_set_back_keeps_its_sampler() -> None:
    engine = Engine(on := backend(slots=2, cache=CONTEXT))
    engine.submit([sequence(b"a" * 20, job=1), sequence(b"b" * 20, job=2)])
    drain(engine)
    assert on.accepted == []


def test_a_token_that_ends_the_answer_finishes_the_sequence() -> None:
    s = sequence()
    assert take(s, 256, backend()) == ""
    assert s.finish_reason == "stop"


def test_a_token_that_ends_the_answer_is_passed_over_if_it_is_to_be_ignored() -> None:
    s = sequence(params=SamplingParams(ignore_eos=True))
    assert take(s, 256, backend()) == ""
    assert s.finish_reason is None


def test_an_abort_takes_all_sequences_of_a_job_and_leaves_the_others() -> None:
    engine = Engine(on := backend(slots=2))
    mine = [sequence(b"mine", job="mine", index=i) for i in range(3)]
    other = sequence(b"other", job="other")
    engine.submit([mine[0], other, *mine[1:]])
    engine.step()
    engine.abort("mine")
    assert {output.sequence for output in drain(engine)} == {other}
    assert other.text == alone(other).text
    assert [s.num_generated for s in mine] == [1, 0, 0]
    assert on.open_samplers == 0


def test_a_job_aborted_before_its_first_step_is_never_run() -> None:
    engine = Engine(backend())
    engine.submit([sequence(job="mine")])
    engine.abort("mine")
    assert drain(engine) == []
    assert engine.figures.steps == 0


def test_an_aborted_job_can_be_submitted_again() -> None:
    engine = Engine(backend())
    engine.submit([sequence(job="mine")])
    engine.step()
    engine.abort("mine")
    engine.step()
    again = sequence(job="mine")
    engine.submit([again])
    drain(engine)
    assert again.text == alone(again).text


def test_a_cache_too_small_for_all_sets_some_back_and_finishes_all() -> None:
    engine = Engine(backend(slots=4, cache=CONTEXT + 8))
    sequences = [sequence(bytes([at]) * 8) for at in range(4)]
    engine.submit(sequences)
    drain(engine)
    assert engine.figures.set_back > 0
    assert [s.text for s in sequences] == [alone(s).text for s in sequences]


def test_the_choices_of_a_job_draw_different_tokens() -> None:
    params = SamplingParams(temperature=0.8, seed=1, n=3)
    engine = Engine(backend())
    choices = [sequence(b"same", index=i, params=params) for i in range(3)]
    engine.submit(choices)
    drain(engine)
    assert len({s.text for s in choices}) == 3


def test_the_figures_tell_of_what_runs_and_waits() -> None:
    engine = Engine(backend(slots=1, batch=8))
    engine.submit([sequence(b"12345", job="a"), sequence(b"12345", job="b")])
    engine.step()
    figures = engine.figures
    assert (figures.running, figures.waiting, figures.cells_used) == (1, 1, 5)
    assert (figures.steps, figures.prompt_tokens, figures.generated_tokens) == (1, 5, 1)


def test_the_figures_are_at_rest_when_all_have_finished() -> None:
    engine = Engine(backend())
    engine.submit([sequence(bytes([at])) for at in range(6)])
    drain(engine)
    assert (engine.figures.running, engine.figures.waiting) == (0, 0)


@pytest.mark.parametrize("can_share", [True, False])
def test_what_an_ended_sequence_computed_is_kept_if_it_can_be_shared(can_share: bool) -> None:
    engine = Engine(on := backend(can_share=can_share))
    s = sequence(b"hello")
    engine.submit([s])
    drain(engine)
    assert engine.figures.cells_used == (len(s.tokens) - 1 if can_share else 0)
    forget_kept(engine)
    assert cells_held(on) == 0


def test_a_step_that_only_prefills_is_no_step_with_tokens() -> None:
    engine = Engine(backend(batch=4))
    engine.submit([sequence(b"12345678")])
    assert engine.step() == []
    assert (engine.figures.steps, engine.figures.prompt_tokens) == (0, 4)


def test_closing_frees_every_sampler() -> None:
    engine = Engine(on := backend(slots=2))
    engine.submit([sequence(bytes([at])) for at in range(4)])
    engine.step()
    assert on.open_samplers == 2
    engine.close()
    assert on.open_samplers == 0


class _Tight(FakeBackend):
    """Its cache is full earlier than the engine can know, as a fragmented one is."""

    def decode(self, rows: SequenceOf[Row]) -> None:
        if cells_held(self) + len(rows) > 20:
            raise CacheFull
        super().decode(rows)


def test_a_cache_that_does_not_hold_one_sequence_is_a_failure_that_says_so() -> None:
    engine = Engine(_Tight(num_slots=4, context=48, cache_tokens=48))
    engine.submit([sequence(b"a prompt of more than twenty tokens")])
    with pytest.raises(BackendFailure, match="kv_tokens"):
        drain(engine)


def test_an_abort_of_all_leaves_nothing_in_use_but_what_can_be_shared() -> None:
    engine = Engine(on := backend())
    engine.submit([sequence(b"hello", job="a")])
    engine.step()
    engine.abort("a")
    engine.step()
    assert (engine.figures.running, engine.figures.cells_used) == (0, 5)
    forget_kept(engine)
    assert (pool_of(engine).cells_used, cells_held(on)) == (0, 0)


def test_a_new_engine_empties_the_slots_of_its_backend() -> None:
    on = backend(slots=2)
    for slot in range(on.num_sequences):
        on.decode([Row(65, 0, slot, False)])
    Engine(on)
    assert cells_held(on) == 0


def test_every_prompt_token_is_counted_however_the_prompt_is_cut() -> None:
    engine = Engine(FakeBackend(num_slots=2, context=48, cache_tokens=96, batch_tokens=4))
    engine.submit([sequence(b"hello", job="a"), sequence(b"x", job="b")])
    drain(engine)
    assert engine.figures.prompt_tokens == 6


# -- shared prefixes


SYSTEM = bytes(32 + at % 90 for at in range(200))
"""What all prompts of a conversation's kind begin with."""
WIDE = 256
BRIEF = SamplingParams(temperature=0, max_tokens=12)


def asked(end: bytes, *, job: Hashable = "job", index: int = 0, params: SamplingParams = BRIEF) -> Sequence:
    return sequence(SYSTEM + end, job=job, index=index, params=params, context=WIDE)


def wide(*, slots: int = 16, batch: int = 512, cache: int = 16 * WIDE, can_share: bool = True) -> CountingBackend:
    return backend(slots=slots, cache=cache, batch=batch, context=WIDE, can_share=can_share)


def test_prompts_that_come_together_compute_what_they_begin_with_once() -> None:
    engine = Engine(wide())
    sequences = [asked(bytes([65 + at, 63, 10]), job=at) for at in range(16)]
    engine.submit(sequences)
    drain(engine)
    assert [s.num_cached for s in sequences] == [0] + 15 * [200]
    assert engine.figures.prompt_tokens == 200 + 16 * 3
    assert engine.figures.cached_tokens == 15 * 200
    assert [s.text for s in sequences] == [alone(s, context=WIDE).text for s in sequences]
    assert len({s.text for s in sequences}) == 16


@pytest.mark.parametrize("batch", [16, 50, 64, 190])
def test_however_the_prompt_is_cut_hardly_anything_of_it_is_computed_twice(batch: int) -> None:
    engine = Engine(wide(batch=batch))
    sequences = [asked(bytes([65 + at, 63, 10]), job=at) for at in range(16)]
    engine.submit(sequences)
    drain(engine)
    assert sequences[0].num_cached == 0
    assert all(200 - LEAST_SHARED_TOKENS < (s.num_cached or 0) <= 200 for s in sequences[1:])
    assert engine.figures.prompt_tokens == sum(203 - (s.num_cached or 0) for s in sequences)
    assert [s.text for s in sequences] == [alone(s, context=WIDE).text for s in sequences]


def test_the_shared_prefix_lies_in_the_cache_once() -> None:
    """Together the prompts are three times as long as the cache."""
    engine = Engine(wide(cache=2 * WIDE))
    sequences = [asked(bytes([65 + at, 63, 10]), job=at) for at in range(8)]
    engine.submit(sequences)
    drain(engine)
    assert engine.figures.set_back == 0
    assert [s.num_cached for s in sequences] == [0] + 7 * [200]


def test_without_sharing_every_prompt_is_computed() -> None:
    engine = Engine(wide(can_share=False))
    sequences = [asked(bytes([65 + at, 63, 10]), job=at) for at in range(4)]
    engine.submit(sequences)
    drain(engine)
    assert [s.num_cached for s in sequences] == 4 * [0]
    assert engine.figures.prompt_tokens == 4 * 203
    assert [s.text for s in sequences] == [alone(s, context=WIDE).text for s in sequences]


def test_the_choices_of_a_job_share_its_prompt() -> None:
    params = SamplingParams(temperature=0.8, seed=1, n=4, max_tokens=12)
    engine = Engine(wide())
    choices = [asked(b"!", index=at, params=params) for at in range(4)]
    engine.submit(choices)
    drain(engine)
    assert [s.num_cached for s in choices] == [0, 200, 200, 200]
    assert engine.figures.prompt_tokens == 201 + 3
    assert [s.text for s in choices] == [alone(s, context=WIDE).text for s in choices]
    assert len({s.text for s in choices}) == 4


def test_the_next_turn_of_a_conversation_computes_only_what_is_new() -> None:
    engine = Engine(wide())
    first = asked(b"hello")
    engine.submit([first])
    drain(engine)
    said = bytes(first.tokens)
    second = sequence(said + b"go on", job="next", params=BRIEF, context=WIDE)
    engine.submit([second])
    drain(engine)
    assert second.num_cached == len(said) - 1, "the last token of an answer is never computed"
    assert second.text == alone(second, context=WIDE).text


def test_a_prompt_shares_what_an_aborted_one_computed() -> None:
    engine = Engine(wide(batch=64))
    engine.submit([asked(b"a", job="a")])
    engine.step()
    engine.abort("a")
    s = asked(b"b", job="b")
    engine.submit([s])
    drain(engine)
    assert s.num_cached == 64
    assert s.text == alone(s, context=WIDE).text


def test_sequences_set_back_that_share_a_prefix_keep_their_text() -> None:
    params = SamplingParams(temperature=0, max_tokens=40, ignore_eos=True)
    engine = Engine(wide(slots=4, cache=WIDE + 20))
    sequences = [asked(b"%d?" % at, job=at, params=params) for at in range(4)]
    engine.submit(sequences)
    drain(engine)
    assert engine.figures.set_back > 0
    assert [s.text for s in sequences] == [alone(s, context=WIDE).text for s in sequences]
    assert [s.num_cached for s in sequences] == [0, 200, 200, 200]


def test_a_prompt_that_shares_nothing_does_not_wait_for_those_that_do() -> None:
    engine = Engine(wide(batch=64))
    first, second, other = asked(b"a", job="a"), asked(b"b", job="b"), sequence(b"other", job="other", params=BRIEF)
    engine.submit([first, second, other])
    engine.step()
    assert engine._scheduler.running == [first, other]
