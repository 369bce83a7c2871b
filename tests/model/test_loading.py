"""What is said of a file that llama.cpp cannot load."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from tasks.engine.backend import BackendFailure
from tasks.models.catalogue import ModelEntry
from tasks.settings import Settings
from tasks.worker.loading import load_work


@pytest.mark.parametrize("kind", ["generative", "embedding"])
def test_a_file_that_is_no_gguf_file_is_to_be_downloaded_again(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_text("<html>")
    with pytest.raises(BackendFailure) as failed:
        load_work(ModelEntry(path=str(path), kind=kind), Settings(), Mock())
    assert str(failed.value) == f"{path} is not a GGUF file: download it again"
