"""Pages over llama.cpp: what comes back from memory or a folder is what was computed, in every format of the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.llama.options import Options
from tasks.engine.pages import keys
from tasks.engine.pages import pager as pagers
from tasks.engine.pages.disk import PageDisk
from tasks.engine.pages.folder import PageFolder
from tasks.engine.pages.store import PageStore
from tasks.engine.sequence import Sequence
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.sampling import SamplingParams
from tests.support import tiny_models
from tests.support.decoding import drain, forget_kept

FORMATS = [
    Options(),
    Options(flash_attention="off"),
    Options(cache_type_k="q8_0", cache_type_v="q8_0"),
    Options(cache_type_k="q8_0", cache_type_v="q4_0"),
]
PARAMS = SamplingParams(temperature=0, max_tokens=60)
SMALL_PAGE = 8
DEMO_TOKEN_BYTES = 2600
"""What a token takes of the demo model's cache in 16 bits, about."""


def loaded(options: Options = Options(), *, num_slots: int = 2, path: Path | None = None) -> LlamaBackend:  # noqa: B008
    return LlamaBackend(
        path or gguf_path(DEMO), num_slots=num_slots, context=1024, cache_tokens=2048, threads=1, options=options
    )


@pytest.fixture(scope="module", params=FORMATS, ids=str)
def backend(request: pytest.FixtureRequest) -> Iterator[LlamaBackend]:
    made = loaded(request.param)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo model is sure of its words in short texts alone; of others, the last digits of a logit may decide."""
    for module in (keys, pagers):
        monkeypatch.setattr(module, "PAGE_TOKENS", SMALL_PAGE)


def asked(backend: LlamaBackend, question: str) -> list[int]:
    text = backend.render_chat([{"role": "user", "content": question}])
    return backend.tokenize(text, add_special=False, parse_special=True)


def answer(engine: Engine, prompt: list[int], *, owner: str = "alice") -> Sequence:
    one = Sequence(job=object(), index=0, prompt=prompt, params=PARAMS, context=1024, owner=owner)
    engine.submit([one])
    drain(engine)
    return one


def test_what_comes_back_goes_on_as_it_would_have(backend: LlamaBackend) -> None:
    engine, plain = Engine(backend, pages=PageStore(1 << 30, files="demo")), Engine
    questions = ["What is 12 + 7?", "What is the capital of France?", "Count to 12."]
    prompts = [asked(backend, question) for question in questions]
    wanted = [answer(engine, prompt).text for prompt in prompts]
    for prompt, text in zip(prompts, wanted, strict=True):
        forget_kept(engine)
        again = answer(engine, prompt)
        assert again.text == text
        assert again.num_cached == (len(prompt) - 1) // SMALL_PAGE * SMALL_PAGE > 0
    assert [answer(plain(backend), prompt).text for prompt in prompts] == wanted


def test_formats_of_the_cache_do_not_take_each_others_pages() -> None:
    made = [loaded(options) for options in FORMATS]
    assert len({backend.saved_as for backend in made}) == len(FORMATS)
    for backend in made:
        backend.close()


def test_a_page_of_another_format_is_refused_by_llama_cpp_and_computed() -> None:
    one, other = loaded(), loaded(FORMATS[2])
    other.saved_as = one.saved_as
    pages = PageStore(1 << 30, files="demo")
    prompt = asked(one, "What is 12 + 7?")
    answer(Engine(one, pages=pages), prompt)
    mistaken = answer(Engine(other, pages=pages), prompt)
    assert (mistaken.num_cached, mistaken.text) == (0, answer(Engine(other), prompt).text)
    one.close()
    other.close()


def test_pages_of_an_earlier_process_are_loaded_from_the_folder(tmp_path: Path) -> None:
    def opened() -> Engine:
        disk = PageDisk(PageFolder(tmp_path, budget=1 << 30))
        return Engine(loaded(), pages=PageStore(1 << 30, files="demo", disk=disk))

    other = loaded()
    prompt = asked(other, "What is 12 + 7?")
    other.close()
    texts, cached = [], []
    for _ in range(2):
        engine = opened()
        one = answer(engine, prompt)
        texts.append(one.text)
        cached.append(one.num_cached)
        engine.close()
    assert texts[0] == texts[1]
    assert cached[0] == 0 < (cached[1] or 0)


def test_two_hundred_conversations_in_turn_get_the_texts_that_they_get_without_pages() -> None:
    budget = 400 * SMALL_PAGE * DEMO_TOKEN_BYTES
    pages = PageStore(budget, files="demo")
    backend = loaded(num_slots=8)
    with_pages, without = Engine(backend, pages=pages), Engine(loaded(num_slots=8))
    said = {number: asked(backend, f"What is {number % 40} + {number % 7}?") for number in range(200)}
    for turn in range(2):
        for number in sorted(said, reverse=bool(turn)):  # in turn, all would be discarded before they come back
            prompt = said[number]
            one, other = answer(with_pages, prompt, owner=str(number)), answer(without, prompt, owner=str(number))
            assert one.text == other.text
            assert pages.num_bytes <= budget
            said[number] = one.tokens[:-2]
        assert bool(with_pages.figures.cache_hits) == bool(turn)
    assert pages.num_discarded
    for engine in (with_pages, without):
        engine.close()


@pytest.mark.parametrize("kind", ["recurrent", "hybrid", "sliding"])
def test_memory_that_cannot_be_cut_keeps_no_pages(kind: str, tmp_path: Path) -> None:
    pages = PageStore(1 << 30, files="tiny")
    engine = Engine(loaded(path=tiny_models.write_kind(kind, tmp_path)), pages=pages)
    answer(engine, [5 + number % 50 for number in range(300)])
    assert pages.num_pages == 0
    engine.close()
