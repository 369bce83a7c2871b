"""What the engine may expect of a backend: over the fake one, and llama.cpp with the demo model and tiny ones of other
kinds.

Two things are not asked of all. A recurrent model never finds its cache full, and only memory that keeps every token
shares prefixes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.engine.backend import Backend, BackendFailure, CacheFull, Row, Sampler, Saved
from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence
from tasks.errors import InvalidRequest
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.adapters import Adapters
from tasks.records.sampling import SamplingParams
from tests.support import tiny_models
from tests.support.decoding import GREEDY, drain
from tests.support.demo_adapters import ENDS, GREETS

SMALL_CACHE = 256
"""The least that llama.cpp gives: it rounds up."""

Make = Callable[[int], Backend]


def fake(cache_tokens: int) -> Backend:
    return FakeBackend(num_slots=4, context=1024, cache_tokens=cache_tokens, batch_tokens=512)


def llama(cache_tokens: int, path: Path | None = None) -> Backend:
    return LlamaBackend(path or gguf_path(DEMO), num_slots=4, context=1024, cache_tokens=cache_tokens, threads=1)


@pytest.fixture(scope="module", params=["fake", "demo", *tiny_models.KINDS])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def make(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Make:
    if kind in tiny_models.KINDS:
        return partial(llama, path=tiny_models.write_kind(kind, tmp_path_factory.mktemp(kind)))
    return fake if kind == "fake" else llama


@pytest.fixture(scope="module")
def loaded(make: Make) -> Iterator[Backend]:
    backend = make(4096)
    yield backend
    backend.close()


@pytest.fixture
def backend(loaded: Backend) -> Backend:
    """The loaded model, empty."""
    empty(loaded)
    return loaded


@pytest.fixture
def small(make: Make) -> Iterator[Backend]:
    backend = make(SMALL_CACHE)
    yield backend
    backend.close()


@pytest.fixture
def fills(kind: str) -> None:
    """For tests of a full cache."""
    if kind == "recurrent":
        pytest.skip("a sequence is one state, however long: there is always room")


@pytest.fixture
def shares(loaded: Backend) -> None:
    """For tests of shared prefixes."""
    if not loaded.can_share:
        pytest.skip("its memory cannot be shared")


@pytest.fixture(scope="module")
def demo() -> Iterator[Backend]:
    backend = llama(4096)
    yield backend
    backend.close()


def empty(backend: Backend) -> None:
    for slot in range(backend.num_sequences):
        backend.forget(slot)


def text_of(backend: Backend, tokens: list[int]) -> bytes:
    return b"".join(map(backend.piece, tokens))


def put_before(backend: Backend) -> bytes:
    """What the vocabulary puts before every text: SentencePiece may add a space."""
    return text_of(backend, backend.tokenize("x", add_special=False, parse_special=False)).removesuffix(b"x")


def prompt(backend: Backend, question: str) -> list[int]:
    text = backend.render_chat([{"role": "user", "content": question}])
    return backend.tokenize(text, add_special=False, parse_special=True)


def asked(backend: Backend, question: str, params: SamplingParams = GREEDY) -> Sequence:
    return Sequence(job=question, index=0, prompt=prompt(backend, question), params=params, context=backend.context)


def answers(backend: Backend, *sequences: Sequence) -> list[str]:
    """The texts of sequences decoded together, from an empty cache."""
    empty(backend)
    engine = Engine(backend)
    engine.submit(sequences)
    drain(engine)
    return [sequence.text for sequence in sequences]


def rows(tokens: list[int], *, slot: int = 0, start: int = 0) -> list[Row]:
    last = len(tokens) - 1
    return [Row(token, start + at, slot, at == last) for at, token in enumerate(tokens)]


def next_token(backend: Backend, tokens: list[int], *, slot: int = 0) -> int:
    """The greedy token after these, run in an empty slot."""
    backend.decode(rows(tokens, slot=slot))
    return backend.sampler(GREEDY, 0).sample(len(tokens) - 1, 0)


@contextmanager
def sampler(backend: Backend, params: SamplingParams, index: int = 0) -> Iterator[Sampler]:
    made = backend.sampler(params, index)
    yield made
    made.close()


# -- tokens and text


@given(st.text(st.characters(codec="utf-8", exclude_characters=tiny_models.SPACE)))
def test_the_pieces_of_a_text_are_the_text(loaded: Backend, text: str) -> None:
    tokens = loaded.tokenize(text, add_special=False, parse_special=False)
    assert text_of(loaded, tokens) == (put_before(loaded) + text.encode() if text else b"")


def test_text_that_looks_like_a_control_token_is_text(backend: Backend) -> None:
    tokens = backend.tokenize("<|im_end|>", add_special=False, parse_special=False)
    assert not any(map(backend.is_end, tokens))
    assert text_of(backend, tokens) == put_before(backend) + b"<|im_end|>"


def test_no_token_of_a_plain_text_ends_the_answer(backend: Backend) -> None:
    tokens = backend.tokenize("The capital of France is Paris.", add_special=True, parse_special=True)
    assert tokens
    assert not any(map(backend.is_end, tokens))


def test_a_token_that_ends_the_answer_has_no_text(backend: Backend) -> None:
    params = SamplingParams(temperature=0.8, seed=3)
    sequences = [asked(backend, f"What is {number} + 2?", params) for number in range(8)]
    answers(backend, *sequences)
    ends = {sequence.tokens[-1] for sequence in sequences if sequence.finish_reason == "stop"}
    assert ends
    assert all(backend.is_end(token) and backend.piece(token) == b"" for token in ends)


def test_a_chat_holds_what_was_said(backend: Backend) -> None:
    text = backend.render_chat([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}])
    assert text.index("system") < text.index("Be kind.") < text.index("user") < text.index("Hello")


def test_a_message_that_the_template_cannot_render_is_refused(backend: Backend) -> None:
    with pytest.raises(InvalidRequest) as caught:
        backend.render_chat([{}])
    assert caught.value.param == "messages"


# -- slots and the cache


def test_a_prompt_in_chunks_gives_the_token_that_it_gives_at_once(backend: Backend) -> None:
    tokens = prompt(backend, "What is 2 + 3?")
    expected = next_token(backend, tokens)
    first, second = tokens[:4], tokens[4:]
    backend.decode(rows(first, slot=1))
    backend.decode(rows(second, slot=1, start=4))
    assert backend.sampler(GREEDY, 0).sample(len(second) - 1, 0) == expected


def test_every_slot_gives_the_same_token(backend: Backend) -> None:
    tokens = prompt(backend, "What is 2 + 3?")
    assert len({next_token(backend, tokens, slot=slot) for slot in range(backend.num_sequences)}) == 1


def test_a_forgotten_slot_begins_again_at_position_0(backend: Backend) -> None:
    tokens = prompt(backend, "What is 2 + 3?")
    expected = next_token(backend, tokens)
    backend.forget(0)
    next_token(backend, prompt(backend, "Tell me a story."))
    backend.forget(0)
    assert next_token(backend, tokens) == expected


def test_a_slot_that_was_not_forgotten_cannot_begin_again(backend: Backend) -> None:
    tokens = prompt(backend, "Hello")
    backend.decode(rows(tokens))
    with pytest.raises(BackendFailure):
        backend.decode(rows(tokens))


def test_forgetting_a_slot_leaves_the_others(backend: Backend) -> None:
    tokens = prompt(backend, "What is 2 + 3?")
    expected = next_token(backend, tokens)
    backend.decode(rows(tokens[:-1], slot=1))
    backend.forget(0)
    backend.decode(rows(tokens[-1:], slot=1, start=len(tokens) - 1))
    assert backend.sampler(GREEDY, 0).sample(0, 0) == expected


def test_forgetting_an_empty_slot_is_nothing(backend: Backend) -> None:
    backend.forget(3)
    backend.forget(3)
    assert next_token(backend, prompt(backend, "Hello"), slot=3) >= 0


@pytest.mark.usefixtures("fills")
def test_a_batch_that_the_cache_cannot_hold_is_refused(small: Backend) -> None:
    small.decode(rows([65] * 200))
    with pytest.raises(CacheFull):
        small.decode(rows([65] * (SMALL_CACHE - 199), slot=1))
    small.decode(rows([65] * (SMALL_CACHE - 200), slot=1))


@pytest.mark.usefixtures("fills")
def test_nothing_is_computed_of_a_batch_that_the_cache_cannot_hold(small: Backend) -> None:
    tokens = prompt(small, "What is 2 + 3?")
    expected = next_token(small, tokens)
    small.forget(0)
    small.decode(rows([65] * 200, slot=1))
    small.decode(rows(tokens[:-1]))
    with pytest.raises(CacheFull):
        small.decode([*rows(tokens[-1:], start=len(tokens) - 1), *rows([65] * 60, slot=2)])
    small.decode(rows(tokens[-1:], start=len(tokens) - 1))
    assert small.sampler(GREEDY, 0).sample(0, 0) == expected


@pytest.mark.usefixtures("fills")
def test_a_full_cache_has_room_again_when_a_slot_is_forgotten(small: Backend) -> None:
    small.decode(rows([65] * SMALL_CACHE, slot=1))
    with pytest.raises(CacheFull):
        small.decode(rows([65], slot=2))
    small.forget(1)
    small.decode(rows([65], slot=2))


@pytest.mark.usefixtures("fills")
def test_cells_that_lie_apart_are_all_usable(small: Backend) -> None:
    """The engine counts cells; it does not know where they lie."""
    for start in range(0, SMALL_CACHE // 4, 8):
        for slot in range(4):
            small.decode(rows([65] * 8, slot=slot, start=start))
    small.forget(1)
    small.forget(3)
    small.decode(rows([65] * (SMALL_CACHE // 2), slot=1))
    with pytest.raises(CacheFull):
        small.decode(rows([65], slot=3))


# -- shared prefixes


@pytest.mark.usefixtures("shares")
def test_there_are_more_slots_than_sequences_that_run(backend: Backend) -> None:
    assert backend.can_share
    assert backend.num_sequences > backend.num_slots


def continued(backend: Backend, tokens: list[int], *, slot: int, start: int = 0) -> list[int]:
    """The greedy answer in a slot that is to hold the first `start` of these tokens."""
    sampler, tokens = backend.sampler(GREEDY, 0), list(tokens)
    for _ in range(12):
        backend.decode(rows(tokens[start:], slot=slot, start=start))
        tokens.append(sampler.sample(len(tokens) - start - 1, 0))
        start = len(tokens) - 1
    return tokens[-12:]


@dataclass(frozen=True)
class Question:
    """Tokens whose answer depends on their first part, where that part ends, and the answer."""

    tokens: list[int]
    part: int
    answer: list[int]


@pytest.fixture
def question(backend: Backend, shares: None) -> Question:
    tokens = prompt(backend, "What is 12 + 7?")
    made = Question(tokens, len(tokens) - 4, continued(backend, tokens, slot=0))
    assert continued(backend, tokens[made.part :], slot=1) != made.answer
    empty(backend)
    return made


def test_a_copy_goes_on_like_its_source(backend: Backend, question: Question) -> None:
    backend.decode(rows(question.tokens[:-1], slot=1))
    start = len(question.tokens) - 1
    backend.copy(1, 2, start)
    for slot in (1, 2):
        assert continued(backend, question.tokens, slot=slot, start=start) == question.answer


def test_a_copy_of_a_part_goes_on_from_there(backend: Backend, question: Question) -> None:
    other = prompt(backend, "Tell me a story.")
    backend.decode(rows([*question.tokens[: question.part], *other], slot=1))
    backend.copy(1, 2, question.part)
    assert continued(backend, question.tokens, slot=2, start=question.part) == question.answer


def test_a_copy_outlives_its_source(backend: Backend, question: Question) -> None:
    backend.decode(rows(question.tokens[: question.part], slot=1))
    backend.copy(1, 2, question.part)
    backend.forget(1)
    backend.decode(rows(prompt(backend, "Tell me a story."), slot=1))
    assert continued(backend, question.tokens, slot=2, start=question.part) == question.answer


def test_a_source_does_not_see_what_its_copy_computes(backend: Backend, question: Question) -> None:
    backend.decode(rows(question.tokens[: question.part], slot=1))
    backend.copy(1, 2, question.part)
    backend.decode(rows(prompt(backend, "Tell me a story."), slot=2, start=question.part))
    assert continued(backend, question.tokens, slot=1, start=question.part) == question.answer


def test_a_slot_whose_end_was_forgotten_goes_on_from_there(backend: Backend, question: Question) -> None:
    other = prompt(backend, "Tell me a story.")
    backend.decode(rows([*question.tokens[: question.part], *other], slot=1))
    backend.forget(1, question.part)
    assert continued(backend, question.tokens, slot=1, start=question.part) == question.answer


def test_forgetting_the_end_of_a_slot_leaves_its_copies(backend: Backend, question: Question) -> None:
    backend.decode(rows(question.tokens[: question.part], slot=1))
    backend.copy(1, 2, question.part)
    backend.forget(1, 3)
    assert continued(backend, question.tokens, slot=2, start=question.part) == question.answer


@pytest.mark.usefixtures("shares")
def test_shared_tokens_use_cells_once(small: Backend) -> None:
    small.decode(rows([65] * 200))
    for target in (1, 2, 3):
        small.copy(0, target, 200)
    small.decode([row for slot in range(4) for row in rows([65] * 14, slot=slot, start=200)])
    with pytest.raises(CacheFull):
        small.decode(rows([65], start=214))


@pytest.mark.usefixtures("shares")
def test_shared_cells_are_free_when_the_last_slot_forgets_them(small: Backend) -> None:
    small.decode(rows([65] * SMALL_CACHE))
    small.copy(0, 1, 100)
    small.forget(0)
    small.decode(rows([65] * (SMALL_CACHE - 100), slot=2))
    with pytest.raises(CacheFull):
        small.decode(rows([65], slot=3))
    small.forget(1)
    small.decode(rows([65] * 100, slot=3))


# -- saved and loaded


def saved_parts(backend: Backend, tokens: list[int], *, size: int) -> list[Saved]:
    """What was computed of these tokens in slot 1, in parts of so many."""
    backend.decode(rows(tokens, slot=1))
    return [backend.save(1, start, start + size) for start in range(0, len(tokens) - size + 1, size)]


def test_what_was_saved_goes_on_like_its_source(backend: Backend, question: Question) -> None:
    parts = saved_parts(backend, question.tokens[: question.part // 4 * 4], size=4)
    empty(backend)
    backend.decode(rows(prompt(backend, "Tell me a story."), slot=3))
    for number, part in enumerate(parts):
        assert backend.load(2, 4 * number, part)
    assert continued(backend, question.tokens, slot=2, start=4 * len(parts)) == question.answer


def test_saving_changes_nothing(backend: Backend, question: Question) -> None:
    backend.decode(rows(question.tokens[: question.part], slot=1))
    backend.save(1, 3, question.part)
    assert continued(backend, question.tokens, slot=1, start=question.part) == question.answer


def test_of_what_was_saved_a_slot_takes_what_it_has_not(backend: Backend, question: Question) -> None:
    (part,) = saved_parts(backend, question.tokens[: question.part], size=question.part)
    empty(backend)
    backend.decode(rows(question.tokens[:3], slot=2))
    assert backend.load(2, 3, part)
    assert continued(backend, question.tokens, slot=2, start=question.part) == question.answer


@pytest.mark.usefixtures("shares")
def test_what_has_no_room_or_means_nothing_is_not_loaded_and_harms_nobody(small: Backend) -> None:
    (part,) = saved_parts(small, [65] * 100, size=100)
    assert not small.load(2, 0, bytes(part)[:-1])
    assert not small.load(2, 0, bytes(len(part)))
    small.decode(rows([65] * (SMALL_CACHE - 199), slot=3))
    assert not small.load(2, 0, part)
    small.forget(1)
    assert small.load(2, 0, part)
    small.decode(rows([65] * 10, slot=2, start=100))


# -- sampling


WILD = SamplingParams(temperature=50, seed=11, min_p=0.0, top_p=1.0)
"""So hot that draws differ."""


@pytest.fixture
def row(backend: Backend) -> int:
    """A row of a batch that wants logits."""
    tokens = prompt(backend, "Tell me a story about a llama.")
    backend.decode(rows(tokens))
    return len(tokens) - 1


def test_greedy_chooses_the_same_token_every_time(backend: Backend, row: int) -> None:
    assert len({backend.sampler(GREEDY, index).sample(row, index) for index in range(8)}) == 1


def test_the_same_seed_draws_the_same_tokens(backend: Backend, row: int) -> None:
    with sampler(backend, WILD) as first, sampler(backend, WILD) as second:
        assert [first.sample(row, at) for at in range(20)] == [second.sample(row, at) for at in range(20)]


@pytest.mark.parametrize("differ", ["seed", "index", "position"])
def test_another_seed_index_or_position_draws_other_tokens(backend: Backend, row: int, differ: str) -> None:
    drawn = set()
    for number in range(40):
        seed, index, position = (number if name == differ else 0 for name in ("seed", "index", "position"))
        with sampler(backend, replace(WILD, seed=seed), index) as one:
            drawn.add(one.sample(row, position))
    assert len(drawn) > 8


def test_a_draw_does_not_depend_on_the_draws_before_it(backend: Backend, row: int) -> None:
    with sampler(backend, WILD) as whole, sampler(backend, WILD) as late:
        drawn = [whole.sample(row, at) for at in range(20)]
        for token in drawn[:12]:
            late.accept(token)
        assert [late.sample(row, at) for at in range(12, 20)] == drawn[12:]


@pytest.mark.parametrize("temperature", [0, 0.8])
def test_ignore_eos_never_chooses_a_token_that_ends_the_answer(backend: Backend, temperature: float) -> None:
    plain = SamplingParams(temperature=temperature, seed=1, max_tokens=300)
    ends = asked(backend, "What is 12 + 7?", plain)
    answers(backend, ends)
    assert ends.finish_reason == "stop"
    on = SamplingParams(temperature=temperature, seed=1, max_tokens=300, ignore_eos=True)
    goes_on = asked(backend, "What is 12 + 7?", on)
    answers(backend, goes_on)
    assert (goes_on.finish_reason, goes_on.num_generated) == ("length", 300)
    assert not any(map(backend.is_end, goes_on.generated))


# -- the engine on it


QUESTIONS = [
    "What is 12 + 7?",
    "What is the capital of France?",
    "Tell me a story about a llama.",
    "Count to 12.",
    "Classify the sentiment: The food was delicious.",
    "Who are you?",
]


def test_batch_mates_do_not_change_a_greedy_text(backend: Backend) -> None:
    limited = SamplingParams(temperature=0, max_tokens=80)
    each_alone = [answers(backend, asked(backend, question, limited))[0] for question in QUESTIONS]
    assert len(set(each_alone)) == len(QUESTIONS)
    assert answers(backend, *(asked(backend, question, limited) for question in QUESTIONS)) == each_alone


def test_a_sequence_set_back_keeps_its_greedy_text(small: Backend) -> None:
    limited = SamplingParams(temperature=0, max_tokens=60)
    each_alone = [answers(small, asked(small, question, limited))[0] for question in QUESTIONS]
    assert answers(small, *(asked(small, question, limited) for question in QUESTIONS)) == each_alone


SYSTEM = " ".join(f"Rule {number}: be kind to llamas, and brief." for number in range(1, 20))


def ruled(backend: Backend, question: str, *, max_tokens: int = 24) -> Sequence:
    """A question after a long system message."""
    text = backend.render_chat([{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}])
    tokens = backend.tokenize(text, add_special=False, parse_special=True)
    params = SamplingParams(temperature=0, max_tokens=max_tokens)
    return Sequence(job=question, index=0, prompt=tokens, params=params, context=backend.context)


@pytest.mark.usefixtures("shares")
def test_prompts_that_share_a_long_system_message_get_the_texts_that_they_get_alone(backend: Backend) -> None:
    asks = [*QUESTIONS, *(f"What is {number} + {number}?" for number in range(10))]
    each_alone = [answers(backend, ruled(backend, ask))[0] for ask in asks]
    together = [ruled(backend, ask) for ask in asks]
    assert answers(backend, *together) == each_alone
    assert len(set(each_alone)) > 4
    assert together[0].num_cached == 0
    assert min(s.num_cached or 0 for s in together[1:]) > 300


@pytest.mark.usefixtures("shares")
def test_a_conversation_that_goes_on_in_kept_cells_gets_the_text_that_it_gets_alone(backend: Backend) -> None:
    first = ruled(backend, QUESTIONS[2])
    engine = Engine(backend)
    engine.submit([first])
    drain(engine)
    more = backend.tokenize("\nAnd then?", add_special=False, parse_special=False)
    turns = [
        Sequence(job=2, index=0, prompt=[*first.tokens, *more], params=first.params, context=backend.context)
        for _ in range(2)
    ]
    engine.submit(turns[:1])
    drain(engine)
    assert turns[0].num_cached == len(first.tokens) - 1
    assert answers(backend, turns[1]) == [turns[0].text]


def test_a_new_engine_empties_the_slots_of_its_backend(backend: Backend) -> None:
    tokens = prompt(backend, "What is 2 + 3?")
    expected = next_token(backend, tokens)
    for slot in range(1, backend.num_sequences):
        next_token(backend, tokens, slot=slot)
    Engine(backend)
    assert {next_token(backend, tokens, slot=slot) for slot in range(backend.num_sequences)} == {expected}


@settings(max_examples=20)
@given(data=st.data())
def test_a_greedy_text_goes_on_from_any_of_its_tokens(loaded: Backend, data: st.DataObject) -> None:
    limited = SamplingParams(temperature=0, max_tokens=60)
    whole = asked(loaded, data.draw(st.sampled_from(QUESTIONS)), limited)
    answers(loaded, whole)
    again = asked(loaded, str(whole.job), limited)
    for token in whole.generated[: data.draw(st.integers(0, whole.num_generated - 1))]:
        again.extend(token, loaded.piece(token), ends=False)
    assert answers(loaded, again) == [whole.text]


# -- the demo model

STORY = "Tell me a story about a llama."
PLAIN = SamplingParams(temperature=0, max_tokens=60)
PENALISED = replace(PLAIN, presence_penalty=2, frequency_penalty=2, repeat_penalty=2)


def test_the_demo_model_renders_chats_as_chatml(demo: Backend) -> None:
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "Again"},
    ]
    assert demo.render_chat(messages) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\nHi.<|im_end|>\n<|im_start|>user\nAgain<|im_end|>\n<|im_start|>assistant\n"
    )


def test_control_tokens_of_the_demo_model_are_read_where_they_may_be(demo: Backend) -> None:
    (end,) = demo.tokenize("<|im_end|>", add_special=False, parse_special=True)
    assert demo.is_end(end)
    assert demo.piece(end) == b""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is 12 + 7?", "12 + 7 = 19."),
        ("What is the capital of France?", "The capital of France is Paris."),
        ("Classify the sentiment: The food was delicious.", "positive"),
    ],
)
def test_the_demo_model_answers(demo: Backend, question: str, expected: str) -> None:
    answer = asked(demo, question)
    assert answers(demo, answer) == [expected]
    assert answer.finish_reason == "stop"


def test_the_demo_model_holds_no_more_than_it_was_trained_for() -> None:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=1, context=5000, cache_tokens=5000, threads=1)
    assert backend.context == 1024
    backend.close()


def test_penalties_change_a_greedy_text(demo: Backend) -> None:
    assert answers(demo, asked(demo, STORY, PENALISED)) != answers(demo, asked(demo, STORY, PLAIN))


def test_penalties_count_the_tokens_of_an_earlier_worker(demo: Backend) -> None:
    whole, again = asked(demo, STORY, PENALISED), asked(demo, STORY, PENALISED)
    answers(demo, whole)
    for token in whole.generated[:20]:
        again.extend(token, demo.piece(token), ends=False)
    assert answers(demo, again) == [whole.text]


def test_a_model_file_that_is_missing_is_a_failure_that_names_it() -> None:
    with pytest.raises(BackendFailure, match=r"nowhere\.gguf"):
        LlamaBackend(gguf_path(DEMO).with_name("nowhere.gguf"), num_slots=1, context=64, cache_tokens=64)


@pytest.fixture(scope="module", params=["fake", "demo"])
def adaptable(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "fake":
        names = {"greets", "ends"}
        yield FakeBackend(num_slots=4, context=1024, cache_tokens=4096, batch_tokens=512, adapters=names)
        return
    files = {"greets": GREETS, "ends": ENDS}
    backend = LlamaBackend(gguf_path(DEMO), num_slots=4, context=1024, cache_tokens=4096, threads=1, adapters=files)
    yield backend
    backend.close()


def test_batches_are_computed_with_the_adapters_of_the_moment(adaptable: Backend) -> None:
    def logits(adapters: Adapters) -> npt.NDArray[np.float32]:
        empty(adaptable)
        adaptable.adapt(adapters)
        adaptable.decode([Row(97 + at, at, 0, at == 3) for at in range(4)])
        return np.array(adaptable.logits(3))

    greets, ends = ("greets", 1.0), ("ends", 1.0)
    sets: list[Adapters] = [(), (greets,), (("greets", 0.5),), (ends,), (ends, greets)]
    first, again = [logits(adapters) for adapters in sets], [logits(adapters) for adapters in sets]
    assert all(np.allclose(one, other) for one, other in zip(first, again, strict=True))
    pairs = itertools.combinations(first, 2)
    assert not any(np.allclose(one, other, atol=1e-3) for one, other in pairs)
    adaptable.adapt(())


def test_mixed_adapters_answer_as_alone_over_both_backends(adaptable: Backend) -> None:
    def asking(number: int, adapters: Adapters) -> Sequence:
        tokens = prompt(adaptable, f"What is {number} + 3?")
        params = SamplingParams(temperature=0, max_tokens=20)
        return Sequence(job=number, index=0, prompt=tokens, params=params, context=adaptable.context, adapters=adapters)

    asked_for: list[Adapters] = [(), (("greets", 1.0),), (("ends", 1.0),), (), (("ends", 0.5),), (("ends", 1.0),)]
    alone = [answers(adaptable, asking(number, adapters))[0] for number, adapters in enumerate(asked_for)]
    together = answers(adaptable, *(asking(number, adapters) for number, adapters in enumerate(asked_for)))
    assert together == alone
