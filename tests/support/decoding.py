"""Decoding sequences in tests: with a fake backend, alone or together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from tasks.engine.backend import Backend
from tasks.engine.engine import Engine, Output
from tasks.engine.fake import FakeBackend
from tasks.engine.sequence import Sequence
from tasks.engine.slots import SlotPool
from tasks.engine.taking import take
from tasks.records.adapters import Adapters
from tasks.records.sampling import SamplingParams

CONTEXT = 48
MOST_STEPS = 20_000
"""More than any schedule of these tests needs; a livelock is a failure, not a hang."""

GREEDY = SamplingParams(temperature=0)


def sequence(
    prompt: bytes | list[int] = b"hello",
    *,
    job: Hashable = "job",
    index: int = 0,
    params: SamplingParams = GREEDY,
    context: int = CONTEXT,
    owner: Hashable = None,
    adapters: Adapters = (),
) -> Sequence:
    """A sequence whose prompt is given as token ids, which the fake backend takes for bytes."""
    return Sequence(
        job=job, index=index, prompt=list(prompt), params=params, context=context, owner=owner, adapters=adapters
    )


def twin(original: Sequence, *, tokens: Iterable[int] = (), backend: Backend) -> Sequence:
    """The same sequence from its beginning, or from after some of its tokens, as another worker takes it up."""
    same = Sequence(
        job=original.job,
        index=original.index,
        prompt=original.tokens[: original.num_prompt_tokens],
        params=original.params,
        context=backend.context,
        adapters=original.adapters,
    )
    for token in tokens:
        take(same, token, backend)
    return same


def drain(engine: Engine) -> list[Output]:
    """All that is left to come."""
    outputs: list[Output] = []
    for _ in range(MOST_STEPS):
        if not engine.wait(0):
            return outputs
        outputs += engine.step()
    raise AssertionError("the engine never comes to rest")


def alone(original: Sequence, *, context: int = CONTEXT) -> Sequence:
    """The finished twin of a sequence that nothing disturbed."""
    names = [name for name, _ in original.adapters]
    backend = FakeBackend(num_slots=1, context=context, cache_tokens=context, batch_tokens=context, adapters=names)
    undisturbed = twin(original, backend=backend)
    engine = Engine(backend)
    engine.submit([undisturbed])
    drain(engine)
    return undisturbed


def pool_of(engine: Engine) -> SlotPool:
    """What the engine believes of slots and cells."""
    return engine._scheduler._slots


def forget_kept(engine: Engine) -> None:
    """Have an engine at rest, and its model, forget what finished sequences left behind."""
    pool_of(engine).forget_kept()
    engine._schedule()
