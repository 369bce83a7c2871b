"""Owners share slots by weight, and an owner's jobs share what it has, however many sequences one asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.scheduler import Scheduler
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams
from tests.support.decoding import CONTEXT, alone, drain, sequence
from tests.unit.tasks.engine.test_scheduler import prompt, run, scheduler


def of_owner(owner: str, job: str, *, length: int = 4, weight: float = 1.0) -> Sequence:
    made = prompt(length, job)
    made.owner, made.weight = owner, weight
    return made


def many(count: int, owner: str = "many", job: str = "large", *, weight: float = 1.0) -> list[Sequence]:
    return [of_owner(owner, job, weight=weight) for _ in range(count)]


def started(*sequences: Sequence, slots: int = 4, cache: int = 200) -> Scheduler:
    of = scheduler(*sequences, slots=slots, cache=cache)
    run(of.plan(100))
    return of


def come(of: Scheduler, *sequences: Sequence) -> list[Sequence]:
    """Who of those that come has a slot after the next step."""
    for each in sequences:
        of.add(each)
    run(of.plan(100))
    return [each for each in sequences if each in of.running]


def owners(of: Scheduler) -> Counter[Hashable]:
    return Counter(each.owner for each in of.running)


def jobs(of: Scheduler) -> Counter[Hashable]:
    return Counter(each.job for each in of.running)


def test_an_owner_without_a_slot_waits_for_no_sequence_of_one_who_has_many() -> None:
    large, chat = many(64), of_owner("one", "chat")
    of = started(*large)
    assert come(of, chat) == [chat]
    assert of.running == [*large[:3], chat], "the youngest made room"
    assert of.num_shared_out == 1
    assert of.take_outranked() == [], "it goes on here"


def test_nobody_makes_room_for_more_than_an_equal_share() -> None:
    of = started(*many(64))
    come(of, *many(64, "other", "their own"))
    assert owners(of) == {"many": 2, "other": 2}


def test_the_last_slot_of_an_owner_is_its_own() -> None:
    one, two = of_owner("one", "a"), of_owner("two", "b")
    of = started(one, two, slots=2)
    assert come(of, of_owner("three", "c")) == []


@pytest.mark.parametrize(("weight", "slots"), [(1.0, 4), (3.0, 6), (0.2, 1)])
def test_a_share_follows_the_weight(weight: float, slots: int) -> None:
    of = started(*many(64), slots=8)
    come(of, *many(64, "other", "their own", weight=weight))
    assert owners(of)["other"] == slots


def test_a_job_without_a_slot_gets_one_of_a_job_that_has_several() -> None:
    large, chat, another = many(64), of_owner("many", "chat"), of_owner("many", "another")
    of = started(*large)
    assert come(of, chat, another) == [chat, another]
    assert jobs(of) == {"large": 2, "chat": 1, "another": 1}


def test_jobs_of_one_sequence_make_room_for_none_of_their_owner() -> None:
    of = started(*(of_owner("one", str(number)) for number in range(4)))
    assert come(of, of_owner("one", "next")) == []


def test_a_job_that_has_a_slot_takes_none_of_another_of_its_owner() -> None:
    of = started(*many(64))
    come(of, *many(64, job="second"))
    assert jobs(of) == {"large": 3, "second": 1}


def test_a_free_slot_goes_to_who_has_fewest() -> None:
    large = many(64)
    of = started(*large)
    come(of, *many(64, job="second"), *many(64, job="third"))
    for first in large[:2]:
        if first in of.running:
            of.remove(first)
            run(of.plan(100))
    assert jobs(of)["large"] <= 2
    assert {jobs(of)["second"], jobs(of)["third"]} <= {1, 2}


def test_who_made_room_is_next_of_its_job() -> None:
    large, chat = many(64), of_owner("one", "chat")
    of = started(*large)
    come(of, chat)
    of.remove(chat)
    run(of.plan(100))
    assert of.running == large[:4]


def test_cells_are_shared_as_slots_are() -> None:
    large, chat = [of_owner("many", "large", length=20) for _ in range(3)], of_owner("one", "chat", length=20)
    of = started(*large, slots=8, cache=64)
    assert come(of, chat) == [chat]
    assert owners(of) == {"many": 2, "one": 1}


def test_nobody_makes_room_in_vain() -> None:
    large, wide = [of_owner("many", "large", length=20) for _ in range(3)], of_owner("one", "wide", length=60)
    of = started(*large, slots=8, cache=64)
    assert come(of, wide) == []
    assert of.running == large


def test_a_full_cache_sets_back_one_of_who_has_most() -> None:
    chat, large = of_owner("one", "chat", length=6), [of_owner("many", "large", length=6) for _ in range(3)]
    of = started(*large, cache=28)
    come(of, chat)
    for _ in range(2):
        run(of.plan(100))
    assert (of.num_set_back, of.num_shared_out) == (1, 0)
    assert of.running == [*large[:2], chat]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(1, 6), st.integers(0, 20), st.integers(1, 9)),
        min_size=1,
        max_size=6,
    )
)
def test_every_text_is_the_same_whoever_made_room(asked: list[tuple[int, int, int, int, int]]) -> None:
    """Jobs of several owners and sizes that come at any step, to an engine with few slots and cells."""
    sizes = [[made(number, index, *job) for index in range(job[1])] for number, job in enumerate(asked)]
    undisturbed = [[alone(each).text for each in job] for job in sizes]
    engine = Engine(FakeBackend(num_slots=3, context=CONTEXT, cache_tokens=CONTEXT))
    for at in range(21):
        for job, (_, _, _, comes, _) in zip(sizes, asked, strict=True):
            engine.submit(job if comes == at else ())
        engine.step()
    drain(engine)
    assert [[each.text for each in job] for job in sizes] == undisturbed


def made(job: int, index: int, owner: int, _: int, length: int, comes: int, most: int) -> Sequence:
    params = SamplingParams(temperature=0, max_tokens=most)
    new = sequence([ord("a") + job, *range(length)], job=job, index=index, params=params)
    new.owner, new.weight = owner, 1.0 + owner
    return new
