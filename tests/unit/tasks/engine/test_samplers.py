"""Which sequences sit out a batch, and how long a batch waits for them."""

from __future__ import annotations

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend, FakeSampler
from tasks.engine.samplers import MOMENT_SECONDS, await_samplers
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams
from tests.support.decoding import CONTEXT, sequence


class Clock:
    """Goes on when a sampler is waited for."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Late(FakeSampler):
    """Is ready at a time."""

    def __init__(self, clock: Clock, at: float) -> None:
        self._clock, self._at = clock, 100 + at

    def ready(self, timeout_seconds: float) -> bool:
        self._clock.now += max(0.0, min(timeout_seconds, self._at - self._clock.now))
        return self._clock.now >= self._at


def late(clock: Clock, at: float) -> Sequence:
    made = sequence()
    made.sampler = Late(clock, at)
    return made


def test_a_batch_waits_a_moment_in_all() -> None:
    clock = Clock()
    soon, later, never = (late(clock, at) for at in (0.001, 0.004, 9.0))
    await_samplers([never, soon, later, sequence()], clock)
    assert [soon.ready, later.ready, never.ready] == [True, True, False]
    assert clock.now == 100 + MOMENT_SECONDS


def test_a_batch_does_not_wait_again_for_one_that_was_late() -> None:
    clock = Clock()
    never = late(clock, 9.0)
    for _ in range(3):
        await_samplers([never, sequence()], clock)
    assert clock.now == 100 + MOMENT_SECONDS
    clock.now = 109.0
    await_samplers([never, sequence()], clock)
    assert never.ready


def test_if_nobody_is_ready_it_waits_again() -> None:
    clock = Clock()
    alone = late(clock, 0.012)
    for _ in range(3):
        await_samplers([alone], clock)
    assert alone.ready
    assert clock.now == 100.012


class Slow(FakeSampler):
    """Is ready when it is told to be."""

    is_ready = True

    def ready(self, timeout_seconds: float) -> bool:
        return self.is_ready


class SlowBackend(FakeBackend):
    """The samplers of jobs with a grammar are slow."""

    def sampler(self, params: SamplingParams, index: int, prompt: object = ()) -> FakeSampler:
        return (Slow if params.grammar else FakeSampler)(self, params, index)


def test_who_sits_out_has_the_text_it_would_have_had() -> None:
    backend = SlowBackend(num_slots=2, context=CONTEXT, cache_tokens=2 * CONTEXT)
    engine = Engine(backend)
    undisturbed = sequence(job="undisturbed", params=SamplingParams(temperature=0, max_tokens=12, grammar="g"))
    engine.submit([undisturbed])
    while undisturbed.finish_reason is None:
        engine.step()
    slow = sequence(job="slow", params=SamplingParams(temperature=0, max_tokens=12, grammar="g"))
    other = sequence(b"other", job="other", params=SamplingParams(temperature=0, max_tokens=30, ignore_eos=True))
    engine.submit([slow, other])
    for number in range(100):
        if isinstance(slow.sampler, Slow):
            slow.sampler.is_ready = number % 3 == 0
        engine.step()
    assert other.num_generated == 30
    assert slow.text == undisturbed.text
