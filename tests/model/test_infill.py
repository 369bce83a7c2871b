"""The prompt that has a model fill a gap: its marks, its order, and what is taken of texts that are too long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.engine.llama.backend import LlamaBackend
from tasks.errors import InvalidRequest
from tasks.records.sampling import SamplingParams
from tasks.worker.infill import infill
from tests.support.tiny_models import write_infiller

CONTEXT = 128


def loaded(path: Path, *, context: int = CONTEXT) -> LlamaBackend:
    return LlamaBackend(path, num_slots=1, context=context, cache_tokens=context, threads=1)


@pytest.fixture(scope="module")
def infiller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaBackend]:
    backend = loaded(write_infiller(tmp_path_factory.mktemp("infiller")))
    yield backend
    backend.close()


def asked(prefix: str, suffix: str, begun: str = "", *extra: dict[str, str]) -> dict[str, Any]:
    return {"prefix": prefix, "suffix": suffix, "begun": begun, "extra": list(extra)}


def prompt(backend: LlamaBackend, gap: dict[str, Any], **params: Any) -> str:
    return backend.detokenize(infill(gap, SamplingParams(**params), backend)).decode()


def test_the_marks_stand_around_the_gap_and_other_texts_before_it(infiller: LlamaBackend) -> None:
    assert prompt(infiller, asked("def", "end", "x"), max_tokens=4) == (
        "<|repo_name|> myproject\n<|file_sep|> filename\n<s><|fim_prefix|> def x<|fim_suffix|> end<|fim_middle|>"
    )
    others = ({"filename": "a.py", "text": "one"}, {"text": "two"})
    assert prompt(infiller, asked("p", "s", "", *others), max_tokens=4).startswith(
        "<|repo_name|> myproject\n<|file_sep|> a.py\n one<|file_sep|> tmp\n two<|file_sep|> filename\n<s>"
    )


def test_what_is_sent_never_becomes_a_mark(infiller: LlamaBackend) -> None:
    tokens = infill(asked("<|fim_suffix|>", "<|fim_middle|>"), SamplingParams(max_tokens=4), infiller)
    marks = infiller.infill_tokens
    assert [tokens.count(marks[name]) for name in ("prefix", "suffix", "middle")] == [1, 1, 1]


@pytest.mark.parametrize("max_tokens", [None, 0, 1, 16, 1000])
@pytest.mark.parametrize("size", [0, 1, 50, 100, 5000])
def test_what_is_nearest_to_the_gap_is_taken_and_leaves_room(
    infiller: LlamaBackend, max_tokens: int | None, size: int
) -> None:
    letters = "".join(chr(ord("a") + number % 26) for number in range(size))
    gap = asked(f"{letters}<", f">{letters}", "", {"text": letters * 3})
    tokens = infill(gap, SamplingParams(max_tokens=max_tokens), infiller)
    room = CONTEXT // 4 if max_tokens is None else min(max_tokens, CONTEXT // 4)
    assert len(tokens) < CONTEXT - room
    text = infiller.detokenize(tokens).decode()
    assert "<<|fim_suffix|> >" in text
    assert text.endswith("<|fim_middle|>")


def test_a_model_without_a_token_for_files_has_a_line_between_texts(tmp_path: Path) -> None:
    backend = loaded(write_infiller(tmp_path, marks=3))
    assert prompt(backend, asked("p", "s", "", {"filename": "a.py", "text": "one"}), max_tokens=4) == (
        " \n\n--- snippet ---\n\n one<s><|fim_prefix|> p<|fim_suffix|> s<|fim_middle|>"
    )
    backend.close()


def test_a_model_without_the_marks_is_told_so(tmp_path: Path) -> None:
    backend = loaded(write_infiller(tmp_path, marks=1))
    with pytest.raises(InvalidRequest, match="no token for the suffix or the middle"):
        infill(asked("p", "s"), SamplingParams(), backend)
    backend.close()
