"""Engines with pages in tests, and conversations that come back to them after others."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Sequence as Many
from dataclasses import dataclass

from tasks.engine.backend import Backend
from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.pages.pager import Pager
from tasks.engine.pages.store import PageStore
from tasks.engine.sequence import Sequence
from tasks.records.adapters import Adapters
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain

CONTEXT = 1024
ROOMY = 1 << 30


@dataclass(frozen=True)
class Asked:
    """A prompt, and whose it is."""

    prompt: Many[int]
    owner: Hashable = "alice"
    adapters: Adapters = ()
    max_tokens: int = 4


def fake(*, num_slots: int = 2, cache_tokens: int = 1024, adapters: Many[str] = ()) -> FakeBackend:
    """A model whose cells hold little more than one conversation."""
    return FakeBackend(
        num_slots=num_slots, context=CONTEXT, cache_tokens=cache_tokens, batch_tokens=128, adapters=adapters
    )


def store(memory: int = ROOMY) -> PageStore:
    return PageStore(memory, files="digest")


def answer(engine: Engine, asked: Asked) -> Sequence:
    """One prompt, answered with nothing beside it."""
    params = SamplingParams(temperature=0, max_tokens=asked.max_tokens, ignore_eos=True)
    one = Sequence(
        job=object(),
        index=0,
        prompt=list(asked.prompt),
        params=params,
        context=CONTEXT,
        owner=asked.owner,
        adapters=asked.adapters,
    )
    engine.submit([one])
    drain(engine)
    return one


def fresh_text(backend: Backend, asked: Asked) -> str:
    """What a prompt is answered with where nothing is kept."""
    return answer(Engine(backend), asked).text


def pager_of(engine: Engine) -> Pager:
    assert engine._pager is not None
    return engine._pager
