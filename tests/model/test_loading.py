"""What is said of a file that llama.cpp cannot load."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tasks.engine.backend import BackendFailure, FileAtFault
from tasks.models.catalogue import DEMO, ModelEntry, gguf_path
from tasks.settings import Settings
from tasks.worker.loading import load_work
from tests.support import tiny_models


@pytest.mark.parametrize("kind", ["generative", "embedding", "rerank"])
def test_a_file_that_is_no_gguf_file_is_to_be_downloaded_again(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_text("<html>")
    with pytest.raises(BackendFailure) as failed:
        load_work(ModelEntry(path=str(path), kind=kind), Settings(), Mock())
    assert str(failed.value) == f"{path} is not a GGUF file: download it again"


def test_a_file_that_ends_too_early_is_to_be_downloaded_again(tmp_path: Path) -> None:
    path, whole = tmp_path / "model.gguf", gguf_path(DEMO).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackendFailure) as failed:
        load_work(ModelEntry(path=str(path)), Settings(), Mock())
    assert isinstance(failed.value, FileAtFault)
    assert str(failed.value).startswith(f"{path} is incomplete, its last 761 KiB are missing: download it again")


def test_a_model_that_this_llama_cpp_does_not_know_is_told_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    tiny_models.write_gguf(path, {"general.architecture": "of-tomorrow"}, {})
    with pytest.raises(FileAtFault) as failed:
        load_work(ModelEntry(path=str(path)), Settings(), Mock())
    assert str(failed.value) == (
        f"llama.cpp cannot load {path}: unknown model architecture: 'of-tomorrow'; take another file or another model"
    )


@pytest.mark.parametrize("kind", ["generative", "embedding"])
def test_a_context_that_is_longer_than_the_training_is_refused_with_what_to_write(kind: str) -> None:
    with pytest.raises(BackendFailure, match=r"context is 2048, and the model was trained for 1024 tokens: lower"):
        load_work(ModelEntry(path="demo", kind=kind, context=2048), Settings(), Mock())


@pytest.mark.parametrize(
    ("said", "context"),
    [
        ({}, 1024),
        ({"context": 1024}, 1024),
        ({"context": 2048, "rope_scaling": "yarn", "rope_scale": 2}, 2048),
        ({"context": 2048, "rope_scaling": "linear", "rope_scale": 4}, 2048),
    ],
)
def test_a_context_that_is_left_out_or_scaled_is_taken(said: dict[str, Any], context: int) -> None:
    loaded = load_work(ModelEntry(path="demo", slots=1, kv_tokens=2048 if said else None, **said), Settings(), Mock())
    assert loaded.context == context
    loaded.engine.close()
