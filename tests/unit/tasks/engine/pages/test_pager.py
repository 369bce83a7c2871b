"""Beginnings of texts come back from pages: as they would be computed, and nobody's but the owner's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.pages import pager as pagers
from tasks.engine.pages.disk import PageDisk
from tasks.engine.pages.folder import PageFolder
from tasks.engine.pages.keys import PAGE_TOKENS
from tasks.engine.pages.memory import PAGE_OVERHEAD
from tasks.engine.pages.store import PageStore
from tasks.engine.sequence import Sequence
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain, forget_kept
from tests.support.paging import CONTEXT, ROOMY, Asked, answer, fake, fresh_text, pager_of, store

LONG = list(b"the beginning of a conversation that is about llamas, and " * 9)
ASKED = Asked(LONG)
PAGES = (len(LONG) - 1) // PAGE_TOKENS


def asked_again(engine: Engine, asked: Asked) -> Sequence:
    """The same once more, after its cells were forgotten."""
    forget_kept(engine)
    return answer(engine, asked)


def test_a_beginning_that_left_the_cells_comes_back_and_is_told_as_cached() -> None:
    engine = Engine(fake(), pages=store())
    first = answer(engine, ASKED)
    before = engine.figures.prompt_tokens
    again = asked_again(engine, ASKED)
    assert again.text == first.text
    assert (first.num_cached, again.num_cached, again.num_cached_own) == (0, PAGES * PAGE_TOKENS, PAGES * PAGE_TOKENS)
    assert engine.figures.prompt_tokens - before == len(LONG) - PAGES * PAGE_TOKENS
    assert (engine.figures.restored_tokens, engine.figures.cache_hits) == (PAGES * PAGE_TOKENS, 1)
    assert engine.figures.cached_tokens == PAGES * PAGE_TOKENS


def test_an_answer_comes_back_with_the_next_turn() -> None:
    engine = Engine(fake(), pages=store())
    first = answer(engine, replace(ASKED, max_tokens=200))
    again = asked_again(engine, Asked([*first.tokens, *b" and then?"]))
    assert again.num_cached == (len(LONG) + 199) // PAGE_TOKENS * PAGE_TOKENS
    assert again.text == fresh_text(fake(), Asked([*first.tokens, *b" and then?"]))


def test_what_a_slot_holds_is_not_loaded_and_the_rest_goes_on_behind_it() -> None:
    engine = Engine(fake(num_slots=2, cache_tokens=2048), pages=store())
    answer(engine, ASKED)
    forget_kept(engine)
    answer(engine, Asked(LONG[:100]))
    again = answer(engine, ASKED)
    assert again.num_cached == PAGES * PAGE_TOKENS
    assert 0 < again.num_restored < again.num_cached
    assert again.text == fresh_text(fake(), ASKED)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, owner="bob"),
        replace(ASKED, owner=None),
        replace(ASKED, adapters=(("greets", 1.0),)),
        Asked([*b"x", *LONG]),
    ],
)
def test_nothing_comes_back_to_others(other: Asked) -> None:
    engine = Engine(fake(adapters=["greets"]), pages=store())
    answer(engine, ASKED)
    again = asked_again(engine, other)
    assert (again.num_cached, again.num_restored) == (0, 0)
    assert again.text == fresh_text(fake(adapters=["greets"]), other)


def test_owners_that_share_are_told_of_nothing_that_is_not_theirs() -> None:
    engine = Engine(fake(), across_owners=True, pages=store())
    answer(engine, ASKED)
    bobs = asked_again(engine, replace(ASKED, owner="bob"))
    assert (bobs.num_restored, bobs.num_cached_own) == (PAGES * PAGE_TOKENS, 0)
    again = asked_again(engine, replace(ASKED, owner="bob"))
    assert again.num_cached_own == PAGES * PAGE_TOKENS


def test_a_sequence_that_was_set_back_goes_on_from_its_pages() -> None:
    backend = fake(num_slots=4, cache_tokens=1024)
    engine = Engine(backend, pages=store())
    params = SamplingParams(temperature=0, max_tokens=300, ignore_eos=True)
    both = [
        Sequence(job=number, index=0, prompt=[97 + number] * 350, params=params, context=CONTEXT) for number in (0, 1)
    ]
    engine.submit(both)
    drain(engine)
    assert engine.figures.set_back
    assert engine.figures.restored_tokens
    assert both[1].num_cached == 0
    for one in both:
        assert one.text == fresh_text(fake(), Asked([97 + int(str(one.job))] * 350, max_tokens=300))


def test_memory_without_keeping_a_part_has_no_pages() -> None:
    backend = FakeBackend(num_slots=2, context=CONTEXT, cache_tokens=2048, can_share=False)
    engine = Engine(backend, pages=store())
    answer(engine, ASKED)
    assert answer(engine, ASKED).num_cached == 0


def test_a_page_that_is_none_is_computed_and_forgotten() -> None:
    pages = store()
    engine = Engine(fake(), pages=pages)
    answer(engine, ASKED)
    for page in pages._memory._pages.values():
        page.saved = b"no JSON"
    again = asked_again(engine, ASKED)
    assert (again.text, again.num_cached) == (fresh_text(fake(), ASKED), 0)
    assert asked_again(engine, ASKED).num_cached == PAGE_TOKENS


def test_prompt_logprobs_are_computed_with_nothing_restored() -> None:
    engine = Engine(fake(), pages=store())
    answer(engine, ASKED)
    forget_kept(engine)
    params = SamplingParams(temperature=0, max_tokens=1, logprobs=1, prompt_logprobs=True)
    one = Sequence(job="x", index=0, prompt=LONG, params=params, context=CONTEXT, owner="alice")
    engine.submit([one])
    drain(engine)
    assert one.num_restored == 0


def test_saving_takes_a_part_of_the_time_and_a_page_more(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(fake(), pages=store())
    pager, now = pager_of(engine), 0.0

    def slow() -> float:
        nonlocal now
        now += 1.0
        return now

    pager._clock = slow
    answer(engine, ASKED)
    assert pager.store.num_pages <= 1


def test_a_long_beginning_comes_back_over_several_steps_and_others_decode_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(fake(cache_tokens=4096), pages=store())
    answer(engine, ASKED)
    forget_kept(engine)
    params = SamplingParams(temperature=0, max_tokens=40, ignore_eos=True)
    stream = Sequence(job="stream", index=0, prompt=list(b"hello"), params=params, context=CONTEXT, owner="bob")
    engine.submit([stream])
    engine.step()
    monkeypatch.setattr(pagers, "LOADING_SECONDS", 2.5)
    ticks = iter(range(10_000))
    pager_of(engine)._clock = lambda: float(next(ticks))
    late = Sequence(job="late", index=0, prompt=LONG, params=params, context=CONTEXT, owner="alice")
    engine.submit([late])
    steps = 0
    while not late.num_generated:
        before = stream.num_generated
        engine.step()
        steps += 1
        assert stream.num_generated == before + 1
    assert steps > 3
    assert late.num_cached == PAGES * PAGE_TOKENS


def test_pages_come_back_from_the_folder_of_an_earlier_process(tmp_path: Path) -> None:
    def opened() -> Engine:
        disk = PageDisk(PageFolder(tmp_path, budget=1 << 30))
        return Engine(fake(), pages=PageStore(ROOMY, files="digest", disk=disk))

    first = opened()
    text = answer(first, ASKED).text
    first.close()
    second = opened()
    again = answer(second, ASKED)
    assert (again.text, again.num_cached) == (text, PAGES * PAGE_TOKENS)
    second.close()


OWNERS = st.sampled_from(["alice", "bob"])
TURN = st.tuples(st.integers(0, 5), OWNERS, st.integers(1, 90), st.integers(1, 70))
"""Which conversation, whose, how many tokens the question has, and how many the answer may have."""


@settings(max_examples=60)
@given(turns=st.lists(TURN, max_size=12), memory=st.sampled_from([0, 20_000, ROOMY]), across=st.booleans())
def test_greedy_text_is_the_same_whatever_comes_back(
    turns: list[tuple[int, str, int, int]], memory: int, across: bool
) -> None:
    pages = store(memory)
    engine = Engine(fake(num_slots=2, cache_tokens=1024), across_owners=across, pages=pages)
    texts: dict[tuple[int, str], list[int]] = {}
    for number, owner, question, length in turns:
        said = texts.get((number, owner), [97 + number] * 100)[: CONTEXT - 200]
        asked = Asked([*said, *[107 + question % 10] * question], owner, max_tokens=length)
        given_ = answer(engine, asked)
        assert given_.text == fresh_text(fake(), asked)
        assert pages.num_bytes <= memory
        texts[number, owner] = given_.tokens


def test_two_hundred_conversations_in_turn_get_the_texts_that_they_get_without_pages() -> None:
    pages = store(100 * (PAGE_OVERHEAD + 1200))
    with_pages, without = Engine(fake(num_slots=8, cache_tokens=2048), pages=pages), Engine(fake(num_slots=8))
    said = {number: [97 + number % 26, *str(number).encode() * 60][:160] for number in range(200)}
    for _ in range(2):
        for number, text in said.items():
            asked = Asked([*text, *b" more?"], owner=number % 3)
            one, other = answer(with_pages, asked), answer(without, asked)
            assert one.text == other.text
            said[number] = one.tokens
            assert pages.num_bytes <= 100 * (PAGE_OVERHEAD + 1200)
    assert pages.num_discarded
