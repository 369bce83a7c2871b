"""Files that are no adapter of the demo model, told before llama.cpp reads them: some would end the process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.models.adapter_faults import trouble
from tasks.models.catalogue import DEMO, gguf_path
from tests.support.demo_adapters import ENDS, GREETS, Pairs, write
from tests.support.tiny_models import write_gguf

DEMO_FILE = gguf_path(DEMO)
QUERY, DOWN = "blk.0.attn_q.weight", "blk.0.ffn_down.weight"
WIDTH, INNER, VOCABULARY = 160, 448, 1024


def pair(*, into: int = WIDTH, out: int = WIDTH, rank: int = 4, of_b: int | None = None) -> tuple[Any, Any]:
    return np.zeros((rank, into)), np.zeros((out, rank if of_b is None else of_b))


def said(folder: Path, pairs: Pairs | None = None, **fields: Any) -> str:
    path = write(folder / "a.gguf", pairs if pairs is not None else {QUERY: pair()}, **fields)
    return trouble(path, [DEMO_FILE]).removeprefix(f"{path}: ")


def test_adapters_that_were_trained_are_in_order(tmp_path: Path) -> None:
    assert [trouble(path, [DEMO_FILE]) for path in (GREETS, ENDS)] == ["", ""]
    assert said(tmp_path, {QUERY: pair(), DOWN: pair(into=INNER, rank=1)}) == ""


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"general__type": "model"}, "it is a model, and no adapter"),
        ({"general__type": None}, "it is a model, and no adapter"),
        ({"general__type": 7}, "it is no adapter but a '7'"),
        ({"general__type": "imatrix"}, "it is no adapter but a 'imatrix'"),
        ({"adapter__type": "ia3"}, "it is an adapter of the type 'ia3', and only 'lora' can be used"),
        (
            {"general__architecture": "qwen3"},
            "it is made for the architecture 'qwen3', and the model is a 'llama'",
        ),
        (
            {"adapter__alora__invocation_tokens": [1, 2]},
            "it is an adapter that begins at certain tokens (aLoRA), which Caravan does not run",
        ),
    ],
)
def test_a_file_that_says_it_is_something_else_is_told(tmp_path: Path, fields: dict[str, Any], told: str) -> None:
    assert said(tmp_path, **fields) == told


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ({}, "it has no tensors"),
        ({"blk.9.attn_q.weight": pair()}, "the model has no tensor blk.9.attn_q.weight: it is of another model"),
        ({QUERY: pair(into=128)}, f"{QUERY} is 160 x 128 in it, and 160 x 160 in the model: it is of another model"),
        ({QUERY: pair(out=448)}, f"{QUERY} is 448 x 160 in it, and 160 x 160 in the model: it is of another model"),
        ({QUERY: pair(of_b=8)}, f"the halves of {QUERY} have the ranks 4 and 8: convert it again"),
        ({"output_norm.weights": pair()}, "the model has no tensor output_norm.weights: it is of another model"),
        ({"blk.0.ffn_norm.weight": pair()}, "blk.0.ffn_norm.weight is no matrix that an adapter can change"),
    ],
)
def test_tensors_that_do_not_fit_the_model_are_told(tmp_path: Path, pairs: Pairs, told: str) -> None:
    assert said(tmp_path, pairs) == told


def test_half_a_pair_and_other_tensors_are_told(tmp_path: Path) -> None:
    fields = {"general.type": "adapter", "general.architecture": "llama", "adapter.type": "lora"}
    half, other = tmp_path / "half.gguf", tmp_path / "other.gguf"
    write_gguf(half, fields, {f"{QUERY}.lora_a": np.zeros((4, WIDTH), np.float32)})
    write_gguf(other, fields, {QUERY: np.zeros((WIDTH, WIDTH), np.float32)})
    assert trouble(half, [DEMO_FILE]) == f"{half}: of {QUERY} one half is missing"
    assert trouble(other, [DEMO_FILE]).startswith(f"{other}: the tensor {QUERY} is no part of a LoRA adapter")


def test_a_damaged_file_is_told_as_a_models_is(tmp_path: Path) -> None:
    cut, text = tmp_path / "cut.gguf", tmp_path / "text.gguf"
    cut.write_bytes(GREETS.read_bytes()[:-4096])
    text.write_text("no adapter")
    assert "is incomplete, its last 4.0 KiB are missing: download it again" in trouble(cut, [DEMO_FILE])
    assert "is not a GGUF file" in trouble(text, [DEMO_FILE])
    assert "there is no file" in trouble(tmp_path / "none.gguf", [DEMO_FILE])


def test_of_a_model_that_cannot_be_read_nothing_is_told(tmp_path: Path) -> None:
    assert trouble(GREETS, [tmp_path / "none.gguf"]) == ""
