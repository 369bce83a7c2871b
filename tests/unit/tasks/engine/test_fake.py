"""The fake model is strict, so that a test that uses it can fail."""

from __future__ import annotations

import pytest

from tasks.engine.backend import BackendFailure, CacheFull, Row
from tasks.engine.fake import FakeBackend
from tasks.records.sampling import SamplingParams
from tests.support.decoding import GREEDY


def backend(*, cache: int = 32, can_share: bool = True) -> FakeBackend:
    return FakeBackend(num_slots=2, context=32, cache_tokens=cache, batch_tokens=4, can_share=can_share)


def rows(tokens: bytes, *, slot: int = 0, start: int = 0) -> list[Row]:
    last = len(tokens) - 1
    return [Row(token, start + at, slot, at == last) for at, token in enumerate(tokens)]


def chosen(tokens: bytes, params: SamplingParams = GREEDY) -> int:
    fake = backend()
    fake.decode(rows(tokens))
    return fake.sampler(params, 0).sample(len(tokens) - 1, 0)


def test_a_batch_larger_than_agreed_is_refused() -> None:
    with pytest.raises(BackendFailure, match="5 rows"):
        backend().decode(rows(b"hello"))


@pytest.mark.parametrize("start", [0, 1, 3, 4])
def test_a_wrong_position_is_refused(start: int) -> None:
    fake = backend()
    fake.decode(rows(b"ab"))
    with pytest.raises(BackendFailure, match="holds 2 tokens"):
        fake.decode(rows(b"c", start=start))


def test_a_row_without_logits_cannot_be_sampled() -> None:
    fake = backend()
    fake.decode(rows(b"ab"))
    with pytest.raises(KeyError):
        fake.sampler(GREEDY, 0).sample(0, 0)


def test_the_next_token_depends_on_every_token_before_it() -> None:
    assert len({chosen(bytes([first, *b"ab"])) for first in range(64)}) > 16


def test_the_next_token_does_not_depend_on_other_slots() -> None:
    fake = backend()
    fake.decode([*rows(b"zz", slot=1), *rows(b"ab")])
    assert fake.sampler(GREEDY, 0).sample(3, 0) == chosen(b"ab")


def test_a_seed_changes_the_next_token() -> None:
    assert len({chosen(b"ab", SamplingParams(temperature=1, seed=seed)) for seed in range(64)}) > 16


def test_a_copy_of_more_than_there_is_is_refused() -> None:
    fake = backend()
    fake.decode(rows(b"ab"))
    with pytest.raises(BackendFailure, match="cannot share 3 tokens"):
        fake.copy(0, 1, 3)


def test_a_copy_into_a_slot_that_holds_something_is_refused() -> None:
    fake = backend()
    fake.decode([*rows(b"ab"), *rows(b"c", slot=1)])
    with pytest.raises(BackendFailure, match="slot 1 cannot share"):
        fake.copy(0, 1, 2)


def test_a_memory_that_cannot_share_refuses_copies_and_cuts() -> None:
    fake = backend(can_share=False)
    fake.decode(rows(b"ab"))
    with pytest.raises(BackendFailure, match="cannot share"):
        fake.copy(0, 1, 2)
    with pytest.raises(BackendFailure, match="a part of a slot"):
        fake.forget(0, 1)
    fake.forget(0)
    fake.decode(rows(b"ab"))


def test_the_next_token_of_a_copy_depends_on_what_was_copied() -> None:
    fake = backend()
    fake.decode(rows(b"abc"))
    fake.copy(0, 1, 2)
    fake.decode(rows(b"z", slot=1, start=2))
    assert fake.sampler(GREEDY, 0).sample(0, 0) == chosen(b"abz")


def test_cells_are_counted_once_however_many_slots_share_them() -> None:
    fake = backend(cache=4)
    fake.decode(rows(b"abc"))
    fake.copy(0, 1, 3)
    fake.decode(rows(b"d", slot=1, start=3))
    with pytest.raises(CacheFull):
        fake.decode(rows(b"d", start=3))
