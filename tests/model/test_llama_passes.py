"""Batches that llama.cpp runs in several passes, and with rows that only fill up: nobody is to notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.engine.backend import CacheFull, Row
from tasks.engine.llama import LlamaBackend
from tasks.engine.passes import split
from tasks.models.catalogue import DEMO, gguf_path
from tests.support.decoding import GREEDY

SMALL_CACHE = 256
QUESTIONS = [
    "What is 12 + 7?",
    "What is the capital of France?",
    "Tell me a story about a llama.",
    "Count to 12.",
    "Classify the sentiment: The food was delicious.",
    "Who are you?",
    "What is 2 + 3?",
    "What is the capital of Peru?",
]


def llama(cache_tokens: int) -> LlamaBackend:
    return LlamaBackend(gguf_path(DEMO), num_slots=4, context=1024, cache_tokens=cache_tokens, threads=1, gpu_layers=0)


@pytest.fixture(scope="module")
def loaded() -> Iterator[LlamaBackend]:
    backend = llama(4096)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def loaded_small() -> Iterator[LlamaBackend]:
    backend = llama(SMALL_CACHE)
    yield backend
    backend.close()


@pytest.fixture
def backend(loaded: LlamaBackend) -> LlamaBackend:
    return emptied(loaded)


@pytest.fixture
def small(loaded_small: LlamaBackend) -> LlamaBackend:
    return emptied(loaded_small)


def emptied(backend: LlamaBackend) -> LlamaBackend:
    for slot in range(backend.num_sequences):
        backend.forget(slot)
    return backend


def prompt(backend: LlamaBackend, question: str) -> list[int]:
    text = backend.render_chat([{"role": "user", "content": question}])
    return backend.tokenize(text, add_special=False, parse_special=True)


def rows(tokens: list[int], *, slot: int = 0, start: int = 0) -> list[Row]:
    last = len(tokens) - 1
    return [Row(token, start + at, slot, at == last) for at, token in enumerate(tokens)]


def paddings(backend: LlamaBackend, of: list[Row]) -> list[int]:
    return [part.padding for part in split(of, block_rows=backend._block_rows)]


def chosen(backend: LlamaBackend, of: list[Row]) -> dict[int, int]:
    """The greedy token after each row of the last batch that wants logits, by its slot."""
    sampler = backend.sampler(GREEDY, 0)
    return {row.slot: sampler.sample(at, 0) for at, row in enumerate(of) if row.wants_logits}


def one_by_one(backend: LlamaBackend, of: list[Row]) -> dict[int, int]:
    """The same, with a batch for every row."""
    tokens: dict[int, int] = {}
    for row in of:
        backend.decode([row])
        tokens |= chosen(backend, [row])
    return tokens


def answers(backend: LlamaBackend, begun: list[Row], batch: list[Row], *, together: bool) -> dict[int, list[int]]:
    """What comes after a batch in each of its slots: its token, and some that depend on all the cells behind it."""
    emptied(backend)
    one_by_one(backend, begun)
    if together:
        backend.decode(batch)
    last = chosen(backend, batch) if together else one_by_one(backend, batch)
    ends = {row.slot: row.position for row in batch}
    texts = {slot: [token] for slot, token in last.items()}
    for step in range(1, 9):
        for slot, text in texts.items():
            text += one_by_one(backend, [Row(text[-1], ends[slot] + step, slot, True)]).values()
    return texts


@pytest.mark.parametrize("num_decoding", [0, 2, 4])
def test_a_large_batch_gives_the_tokens_that_its_rows_give_one_by_one(backend: LlamaBackend, num_decoding: int) -> None:
    """Some sequences decode, some prompts are run whole, and the last goes on from its middle."""
    prompts = [prompt(backend, question) * 2 for question in QUESTIONS]
    computed = [len(tokens) - 1 if slot < num_decoding else 0 for slot, tokens in enumerate(prompts)]
    computed[-1] = len(prompts[-1]) // 2
    begun = [row for slot, start in enumerate(computed) for row in rows(prompts[slot][:start], slot=slot)]
    batch = [row for slot, start in enumerate(computed) for row in rows(prompts[slot][start:], slot=slot, start=start)]
    assert len(batch) > 64
    assert len(paddings(backend, batch)) == 2
    together = answers(backend, begun, batch, together=True)
    assert together == answers(backend, begun, batch, together=False)
    assert len(set(map(tuple, together.values()))) > 4


def test_a_part_of_a_prompt_in_a_large_batch_goes_on_from_there(backend: LlamaBackend) -> None:
    long, decoding = prompt(backend, " ".join(QUESTIONS)), prompt(backend, QUESTIONS[0])
    expected = one_by_one(backend, rows(long, slot=1))
    emptied(backend)
    one_by_one(backend, rows(decoding[:-1]))
    part = [Row(token, at, 1, False) for at, token in enumerate(long[:70])]
    backend.decode([*rows(decoding[-1:], start=len(decoding) - 1), *part])
    assert one_by_one(backend, rows(long[70:], slot=1, start=70)) == expected


@pytest.mark.parametrize("count", [3, 15, 63, 79, 99])
def test_padding_leaves_no_cells_behind(small: LlamaBackend, count: int) -> None:
    batch = [Row(65, at, 0, False) for at in range(count)]
    assert any(paddings(small, batch))
    small.decode(batch)
    for position in range(SMALL_CACHE - count):
        small.decode([Row(65, position, 1, True)])
    with pytest.raises(CacheFull):
        small.decode([Row(65, 0, 2, True)])


def test_a_batch_runs_without_padding_where_only_that_has_no_room(small: LlamaBackend) -> None:
    expected = one_by_one(small, rows([65] * 15))
    emptied(small).decode(rows([65] * (SMALL_CACHE - 15), slot=1))
    batch = rows([65] * 15)
    assert paddings(small, batch) == [1]
    small.decode(batch)
    assert chosen(small, batch) == expected


def test_of_a_batch_whose_last_pass_has_no_room_nothing_stays(small: LlamaBackend) -> None:
    question = prompt(small, QUESTIONS[0])
    expected = one_by_one(small, rows(question))
    emptied(small)
    small.decode([Row(65, at, 1, False) for at in range(150)])
    small.decode(rows(question[:4]))
    room = SMALL_CACHE - 150 - 4
    refused = [*rows(question[4:], start=4), *rows([65] * (room + 1 - len(question[4:])), slot=2)]
    first, _ = split(refused, block_rows=small._block_rows)
    assert {refused[at].slot for at in first.indices} == {0, 2}, "there is something to undo"
    with pytest.raises(CacheFull):
        small.decode(refused)
    small.decode(refused[:-1])
    small.forget(2)
    small.forget(0, 4)
    assert one_by_one(small, rows(question[4:], start=4)) == expected
