"""What the doctor says of adapters in models.yaml, without loading anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.doctor.catalogue import read
from tests.support.demo_adapters import GREETS, write


def said(folder: Path, adapters: str) -> list[tuple[str, str]]:
    models = folder / "models.yaml"
    models.write_text(f"models:\n  chat:\n    path: demo\n    adapters: {adapters}\n")
    return [(finding.state, finding.found) for finding in read(models)[1]]


def test_adapters_in_order_are_no_matter(tmp_path: Path) -> None:
    assert [state for state, _ in said(tmp_path, f"{{greets: {GREETS}}}")] == ["ok"]


def test_a_file_that_cannot_be_used_is_a_fault_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path / "qwen.gguf", {}, general__architecture="qwen3")
    (tmp_path / "text.gguf").write_text("no adapter")
    (first, second, third) = said(tmp_path, "{a: none.gguf, b: qwen.gguf, c: text.gguf}")
    assert first == ("fault", f"chat: its adapter a cannot be used: there is no file {tmp_path}/none.gguf")
    assert second[0] == third[0] == "fault"
    assert "its adapter b cannot be used" in second[1]
    assert "made for the architecture 'qwen3', and the model is a 'llama'" in second[1]
    assert "its adapter c cannot be used" in third[1]
    assert "is not a GGUF file" in third[1]


def test_one_of_the_hub_is_told_to_be_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert said(tmp_path, "{a: hf://owner/repo/a.gguf}") == [
        (
            "warning",
            "chat: its adapter a, hf://owner/repo/a.gguf, is not downloaded yet; its first worker will download it",
        )
    ]
