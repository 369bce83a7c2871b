"""The engine: whatever the schedule, a sequence's text is the text that it has alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.backend import BackendFailure, CacheFull, Row
from tasks.engine.engine import Engine, Output, take
from tasks.engine.fake import FakeBackend, FakeSampler
from tasks.engine.sequence import Sequence
from tasks.sampling import SamplingParams
from tests.unit.decoding import CONTEXT, GREEDY, MOST_STEPS, alone, drain, sequence, twin


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

    def __init__(self, *, num_slots: int, cache_tokens: int, batch_tokens: int) -> None:
        super().__init__(num_slots=num_slots, context=CONTEXT, cache_tokens=cache_tokens, batch_tokens=batch_tokens)
        self.open_samplers = 0
        self.accepted: list[int] = []

    def sampler(self, params: SamplingParams, index: int) -> CountingSampler:
        self.open_samplers += 1
        return CountingSampler(self, params, index)


def backend(*, slots: int = 4, cache: int = 4 * CONTEXT, batch: int = 64) -> CountingBackend:
    return CountingBackend(num_slots=slots, cache_tokens=cache, batch_tokens=batch)


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
prompts = st.binary(min_size=1, max_size=CONTEXT - 1) | st.binary(min_size=1, max_size=6)


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
    return backend(slots=slots, cache=cache, batch=draw(st.integers(1, 24)))


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
    assert (engine.figures.running, engine.figures.waiting, engine.figures.cells_used) == (0, 0, 0)


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
        if sum(map(len, self._slots)) + len(rows) > 20:
            raise CacheFull
        super().decode(rows)


def test_a_cache_that_is_full_too_early_delays_the_youngest_but_ends_all() -> None:
    engine = Engine(_Tight(num_slots=4, context=48, cache_tokens=48))
    short = SamplingParams(temperature=0, max_tokens=4)
    sequences = [sequence(prompt, job=prompt, params=short) for prompt in (b"hello world", b"hello worlds", b"hi")]
    engine.submit(sequences)
    drain(engine)
    assert [s.finish_reason for s in sequences] == ["length"] * 3
    assert [s.text for s in sequences] == [alone(s).text for s in sequences]
    assert engine.figures.set_back > 0


def test_a_cache_that_does_not_hold_one_sequence_is_a_failure_that_says_so() -> None:
    engine = Engine(_Tight(num_slots=4, context=48, cache_tokens=48))
    engine.submit([sequence(b"a prompt of more than twenty tokens")])
    with pytest.raises(BackendFailure, match="kv_tokens"):
        drain(engine)


def test_an_abort_of_all_leaves_nothing_in_use() -> None:
    engine = Engine(FakeBackend(num_slots=2, context=48, cache_tokens=96))
    engine.submit([sequence(b"hello", job="a")])
    engine.step()
    engine.abort("a")
    engine.step()
    assert (engine.figures.running, engine.figures.cells_used) == (0, 0)


def test_every_prompt_token_is_counted_however_the_prompt_is_cut() -> None:
    engine = Engine(FakeBackend(num_slots=2, context=48, cache_tokens=96, batch_tokens=4))
    engine.submit([sequence(b"hello", job="a"), sequence(b"x", job="b")])
    drain(engine)
    assert engine.figures.prompt_tokens == 6
