"""What the cache has of one owner's prompts tells another nothing; with `share_prefixes: all`, by time alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.pages.store import PageStore
from tasks.engine.prefixes import common_prefix
from tasks.engine.sequence import Sequence
from tasks.engine.slots import Slot, SlotPool
from tasks.ledger import redis_keys
from tasks.ledger.ledger import Ledger
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.records.sampling import SamplingParams
from tasks.settings import Settings
from tests.support.decoding import drain, forget_kept
from tests.support.jobs import completion
from tests.support.processes import Process
from tests.support.redis_fixtures import redis_server
from tests.support.waiting import until

__all__ = ["redis_server"]

SECRET = b"the merger is announced on the 3rd of May"
MODELS = """models:
  apart: {path: fake, slots: 4, context: 256, kv_tokens: 512}
  together: {path: fake, slots: 4, context: 256, kv_tokens: 512, share_prefixes: all}
"""


def engine(*, across_owners: bool) -> Engine:
    backend = FakeBackend(num_slots=4, context=256, cache_tokens=1024, batch_tokens=16)
    return Engine(backend, across_owners=across_owners)


def asked(on: Engine, owner: str, prompt: bytes) -> Sequence:
    """A prompt that has been answered with a token."""
    one = Sequence(
        job=object(), index=0, prompt=list(prompt), params=SamplingParams(max_tokens=1), context=256, owner=owner
    )
    on.submit([one])
    drain(on)
    return one


@pytest.mark.parametrize("running", [False, True], ids=["after its end", "while it runs"])
def test_a_guess_of_another_owners_prompt_is_computed_as_any_other(running: bool) -> None:
    on, fresh = engine(across_owners=False), engine(across_owners=False)
    if running:
        params = SamplingParams(max_tokens=100, ignore_eos=True)
        alices = Sequence(job="alice's", index=0, prompt=list(SECRET), params=params, context=256, owner="alice")
        on.submit([alices])
        while not alices.num_generated:
            on.step()
    else:
        asked(on, "alice", SECRET)
    before = on.figures.prompt_tokens
    guess = asked(on, "mallory", SECRET)
    assert (guess.num_cached, guess.num_cached_own) == (0, 0)
    asked(fresh, "mallory", SECRET)
    assert on.figures.prompt_tokens - before == fresh.figures.prompt_tokens


def test_a_guess_of_what_left_the_cells_is_computed_as_any_other() -> None:
    secret = SECRET * 4

    def keeping(*, across_owners: bool) -> Engine:
        backend = FakeBackend(num_slots=4, context=256, cache_tokens=1024, batch_tokens=16)
        return Engine(backend, across_owners=across_owners, pages=PageStore(1 << 20, files="digest"))

    apart, together = keeping(across_owners=False), keeping(across_owners=True)
    for on in (apart, together):
        asked(on, "alice", secret)
        forget_kept(on)
    guess, shared = asked(apart, "mallory", secret), asked(together, "mallory", secret)
    assert (guess.num_restored, guess.num_cached, guess.num_cached_own) == (0, 0, 0)
    assert shared.num_restored
    assert shared.num_cached_own == 0
    forget_kept(apart)
    assert asked(apart, "alice", secret).num_cached_own


def test_nobody_waits_for_what_another_owner_computes() -> None:
    on = engine(across_owners=False)
    params = SamplingParams(max_tokens=1)
    both = [
        Sequence(job=owner, index=0, prompt=list(SECRET), params=params, context=256, owner=owner)
        for owner in ("alice", "mallory")
    ]
    on.submit(both)
    on.step()
    assert on.figures.running == 2


def test_an_owner_finds_its_own_prompts_as_before() -> None:
    on = engine(across_owners=False)
    asked(on, "alice", SECRET)
    asked(on, "mallory", SECRET)
    for owner in ("alice", "mallory"):
        again = asked(on, owner, SECRET)
        assert (again.num_cached, again.num_cached_own) == (len(SECRET) - 1, len(SECRET) - 1)


def test_what_is_shared_by_all_is_told_to_those_alone_who_asked_for_it() -> None:
    on = engine(across_owners=True)
    asked(on, "alice", SECRET)
    guess = asked(on, "mallory", SECRET)
    assert (guess.num_cached, guess.num_cached_own) == (len(SECRET) - 1, 0)
    for owner in ("mallory", "alice"):
        assert asked(on, owner, SECRET).num_cached_own == len(SECRET) - 1
    longer = asked(on, "alice", SECRET + b", and it is signed in Geneva")
    assert longer.num_cached_own == longer.num_cached == len(SECRET)
    guess = asked(on, "mallory", SECRET + b", and it is signed in Geneva")
    assert (guess.num_cached, guess.num_cached_own) == (len(SECRET) + 27, len(SECRET) - 1)


prompts = st.builds(
    lambda stem, length, end: stem[:length] + end,
    st.sampled_from([list(range(40)), [*range(20), *range(100, 120)]]),
    st.integers(0, 40),
    st.lists(st.integers(0, 1), min_size=1, max_size=3),
)


@given(
    calls=st.lists(st.tuples(st.sampled_from("ABC"), prompts, st.booleans()), max_size=40),
    slots=st.integers(1, 5),
    across=st.booleans(),
)
def test_no_owner_is_told_of_more_than_it_has_had_computed_itself(
    calls: list[tuple[str, list[int], bool]], slots: int, across: bool
) -> None:
    pool = SlotPool(num_slots=slots, cache_tokens=150, can_share=True, across_owners=across)
    had: dict[str, list[list[int]]] = {owner: [] for owner in "ABC"}
    busy: list[Slot] = []
    for owner, prompt, ends in calls:
        if not pool.has_vacant:
            pool.release(busy.pop(0))
        slot = pool.acquire(prompt, owner)
        own = max((common_prefix(tokens, prompt[:-1]) for tokens in had[owner]), default=0)
        assert slot.own <= own
        assert slot.own <= len(slot.tokens) <= (len(prompt) if across else own)
        if not pool.make_room(len(prompt) - len(slot.tokens)):
            pool.release(slot)
            continue
        pool.grow(slot, prompt[len(slot.tokens) :])
        had[owner].append(prompt)
        if ends:
            pool.release(slot)
        else:
            busy.append(slot)


@pytest.fixture
def queue(client: redis.Redis, settings: Settings, store: Ledger, tmp_path: Path) -> Iterator[QueueService]:
    """Jobs' way to two workers, one for each model."""
    (tmp_path / "models.yaml").write_text(MODELS)
    env = {"CARAVAN_REDIS_URL": settings.redis_url, "CARAVAN_MODELS_FILE": str(tmp_path / "models.yaml")}
    workers = [
        Process(["-m", "tasks.worker", model, "--name", model], env=env, log=tmp_path / f"{model}.log")
        for model in ("apart", "together")
    ]
    for worker in workers:
        worker.start()
    until(lambda: client.exists(redis_keys.worker("apart"), redis_keys.worker("together")) == 2, what="both report")
    yield QueueService(
        store.admission, store.wants, Dispatcher(store.line, create_publisher(settings)), longest_queue=1000
    )
    for process in workers:
        assert process.stop() == 0, process.output()


@pytest.mark.parametrize(("model", "own"), [("apart", len(SECRET) - 1), ("together", len(SECRET) - 1)])
def test_usage_tells_no_owner_what_another_asked(queue: QueueService, store: Ledger, model: str, own: int) -> None:
    cached = []
    for owner in ("alice", "mallory", "alice", "mallory"):
        job = completion(SECRET.decode(), model=model, owner=owner, sampling={"max_tokens": 1})
        queue.submit(job)
        until(lambda job_id=job.id: store.jobs.get(job_id).status.ended)  # type: ignore[misc, union-attr]
        outcome = store.jobs.get(job.id).outcome  # type: ignore[union-attr]
        assert outcome is not None
        assert outcome.usage is not None
        cached.append(outcome.usage.cached_tokens)
    assert cached == [0, 0, own, own]
