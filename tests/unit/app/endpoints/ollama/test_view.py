"""Models as Ollama shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.endpoints.ollama import view
from app.endpoints.ollama.model_file import ModelFile, look
from app.endpoints.ollama.names import own_name, with_tag
from tasks.models.catalogue import DEMO, ModelEntry, gguf_path

THINKS = {"general.architecture": "qwen3", "tokenizer.chat_template": "{{ '<think>' }}", "qwen3.context_length": 40960}


def test_the_demo_models_file_is_shown() -> None:
    shown = view.shown("demo", DEMO, look(DEMO))
    assert shown["details"]["family"] == "llama"
    assert shown["model_info"]["llama.context_length"] == DEMO.context
    assert shown["capabilities"] == ["completion", "tools"]
    assert "<|im_start|>" in shown["template"]
    assert "tokenizer.ggml.tokens" not in shown["model_info"]
    listed = view.tag("demo", look(DEMO))
    assert (listed["name"], len(listed["digest"])) == ("demo:latest", 64)
    assert listed["size"] > 1_000_000


def test_a_file_is_read_once_as_long_as_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    whole = gguf_path(DEMO).read_bytes()
    path.write_bytes(whole)
    entry = ModelEntry(path=str(path))
    first = look(entry)
    assert look(entry) is first
    path.write_bytes(whole + b"\0")
    assert look(entry).digest != first.digest


@pytest.mark.parametrize("content", [None, b"", b"GGUF", b"no model"])
def test_a_file_that_is_not_here_or_no_model_is_no_failure(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.gguf"
    if content is not None:
        path.write_bytes(content)
    entry = ModelEntry(path=str(path))
    assert look(entry) == ModelFile()
    shown = view.shown("a", entry, look(entry))
    assert shown["model_info"] == {"general.architecture": "unknown", "unknown.context_length": 4096}
    assert shown["capabilities"] == ["completion", "tools"]


def test_capabilities_are_those_of_the_kind_and_the_template() -> None:
    def of(entry: ModelEntry, **fields: object) -> list[str]:
        return [*view.shown("a", entry, ModelFile(fields=fields))["capabilities"]]

    entry = ModelEntry(path="x")
    assert of(entry, **THINKS) == ["completion", "tools", "thinking"]
    assert of(entry, **{"general.architecture": "llama"}) == ["completion"]
    assert of(ModelEntry(path="x", kind="embedding")) == ["embedding"]


def test_the_template_is_the_entrys_if_it_has_one() -> None:
    own = ModelEntry(path="x", chat_template="{{ messages }}")
    shown = view.shown("a", own, ModelFile(fields=THINKS))
    assert (shown["template"], shown["capabilities"]) == ("{{ messages }}", ["completion", "tools"])
    without = ModelFile(fields={"general.architecture": "x"})
    assert view.shown("a", own, without)["capabilities"] == ["completion", "tools"]


def test_the_context_is_the_lesser_of_the_models_and_the_configured_one() -> None:
    file = ModelFile(fields=THINKS)
    for context, told in ((512, 512), (100_000, 40960)):
        entry = ModelEntry(path="x", context=context)
        assert view.shown("a", entry, file)["model_info"]["qwen3.context_length"] == told
        assert view.loaded("a", entry, file, now=0)["context_length"] == told


def test_a_numbers_value_that_is_none_is_not_told() -> None:
    told = view.shown("a", ModelEntry(path="x"), ModelFile(fields={"a": float("nan"), "b": 1.5, "c": [1], "d": None}))
    assert told["model_info"] == {"general.architecture": "unknown", "b": 1.5, "unknown.context_length": 4096}


def test_a_name_without_a_tag_is_the_latest() -> None:
    assert [own_name(name, {"demo", "x:latest"}) for name in ("demo", "demo:latest", "x:latest", "demo:7b")] == [
        "demo",
        "demo",
        "x:latest",
        "demo:7b",
    ]
    assert (with_tag("demo"), with_tag("demo:7b")) == ("demo:latest", "demo:7b")
