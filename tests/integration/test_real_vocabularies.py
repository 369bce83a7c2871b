"""Texts have the tokens that llama.cpp gives them, with the vocabularies of published models."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from tasks.engine.llama import long_texts
from tasks.engine.llama.quoting import Prompt, quoted
from tasks.engine.llama.tokenizer import Tokenizer
from tests.support.real_templates import NotToBeHad
from tests.support.real_vocabularies import real_vocabularies, vocabulary

FEWEST = 15
"""Vocabularies; the package has more, of BPE, SentencePiece, WordPiece and Unigram."""
TEXTS = 250
ORDINARY = [
    *("hello", "World", " the", "\n", "\n\n", "\t", "a1", "12345", "it's", "don't", "'" * 3, "a" * 16),
    *("<", "|", ">", "[", "]", "</", "s>", "<s", ">>", "<<", "TITLE", "<0x0A>", "[INST]"),
    *("é", "õ", "中文", "😀", "▁", "\u00a0", "\u3000", "e\u0301", "ﷺ", "\x00", "\ue000"),
]
LONG = ["\n" * 3000, "😀" * 1500, "ab" * 2000, "word " * 700, "\n😀 中" * 600]


@pytest.fixture(scope="module")
def paths(request: pytest.FixtureRequest) -> dict[str, Path]:
    assert request.config.cache is not None
    try:
        return real_vocabularies(request.config.cache.mkdir("real_vocabularies"))
    except NotToBeHad as exc:
        pytest.skip(str(exc))


def of_llama(vocab: Any, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
    data = text.encode()
    buffer = (ctypes.c_int32 * (len(data) + 8))()
    count = llama_cpp.llama_tokenize(vocab, data, len(data), buffer, len(buffer), add_special, parse_special)
    assert count >= 0
    return list(buffer[:count])


def texts(tokenizer: Tokenizer, seed: str) -> Iterator[str]:
    pick = random.Random(seed)
    special = [token.text for token in tokenizer.special if token.text] or ["<s>"]
    yield from LONG
    for _ in range(TEXTS):
        parts = []
        for _ in range(pick.randrange(12)):
            known = pick.choice(special)
            cut = known[: pick.randrange(len(known) + 1)]
            parts.append(pick.choice([known, known, cut, " ", *pick.sample(ORDINARY, 3)]))
        yield "".join(parts)


@pytest.mark.timeout(600)
def test_every_text_has_the_tokens_that_llama_cpp_gives_it(paths: dict[str, Path]) -> None:
    assert len(paths) >= FEWEST
    for name, path in paths.items():
        with vocabulary(path) as vocab:
            tokenizer = Tokenizer(vocab)
            for text in texts(tokenizer, name):
                for options in ({"add_special": a, "parse_special": p} for a in (False, True) for p in (False, True)):
                    expected = of_llama(vocab, text, **options)
                    assert tokenizer.tokenize(text, **options) == expected, (name, text[:200], options)


@pytest.mark.timeout(600)
def test_llama_cpp_is_asked_for_no_more_of_a_longer_text_than_its_length(
    paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = llama_cpp.llama_tokenize

    def counted(vocab: Any, data: bytes, length: int, *others: Any) -> int:
        asked.append(length)
        return int(real(vocab, data, length, *others))

    monkeypatch.setattr(llama_cpp, "llama_tokenize", counted)
    for name in ("llama-spm", "qwen2"):
        with vocabulary(paths[name]) as vocab:
            tokenizer = Tokenizer(vocab)
            control = next(token.text for token in tokenizer.special if token.control)
            for text in (f"{control}a" * 5000, f"{control}{control}" * 5000, "\n" * 20_000):
                asked.clear()
                tokenizer.tokenize(text, add_special=False, parse_special=True)
                assert sum(asked) <= 1.1 * len(text)
                if name == "llama-spm":  # llama.cpp's own time grows with the square of a text of these
                    assert max(asked, default=0) <= long_texts.MOST_CHARACTERS * 4


def prompt_of(control: str, text: str) -> Prompt:
    """As a template would write it that puts the same control token before and behind what is said."""
    return Prompt(f"{control}user\n{str.__str__(quoted(text))}{control}")


@pytest.mark.timeout(600)
def test_what_is_said_has_no_token_that_gives_a_prompt_its_form(paths: dict[str, Path]) -> None:
    for name, path in paths.items():
        with vocabulary(path) as vocab:
            template = "".join(token.text for token in Tokenizer(vocab).special if token.text.isprintable())
            tokenizer = Tokenizer(vocab, template)
            control = next(token for token in tokenizer.special if token.control and not token.strips_left)
            special = [token for token in tokenizer.special if token.token in tokenizer.guarded.ids]
            for token in random.Random(name).sample(special, min(60, len(special))):
                for said in (token.text, f"a {token.text} b", f"a{token.text}{token.text}b"):
                    found = tokenizer.tokenize_prompt(prompt_of(control.text, said))
                    assert (found[0], found[-1]) == (control.token, control.token), (name, said)
                    assert tokenizer.guarded.ids.isdisjoint(found[1:-1]), (name, said)


@pytest.mark.timeout(600)
def test_what_is_said_has_else_the_tokens_that_llama_cpp_gives_it(paths: dict[str, Path]) -> None:
    for name, path in paths.items():
        with vocabulary(path) as vocab:
            tokenizer = Tokenizer(vocab)
            control = next(token.text for token in tokenizer.special if token.control)
            words = [token.text for token in tokenizer.special if token.token not in tokenizer.guarded.ids]
            pick = random.Random(name)
            for _ in range(TEXTS):
                said = "".join(pick.choice([*ORDINARY, *words]) for _ in range(pick.randrange(12)))
                if tokenizer.guarded.beginnings(said):
                    continue
                prompt = prompt_of(control, said)
                expected = of_llama(vocab, str(prompt), add_special=False, parse_special=True)
                assert tokenizer.tokenize_prompt(prompt) == expected, (name, said)
