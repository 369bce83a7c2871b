"""What files say of their prompts and templates, and should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.engine.llama import LlamaBackend
from tests.support import tiny_models

TEXT = tiny_models.WORDS[:40]


def load(folder: Path, **changes: Any) -> LlamaBackend:
    fields, tensors = tiny_models.sentencepiece(tiny_models.Weights(0))
    tiny_models.write_gguf(folder / "model.gguf", {**fields, **changes}, tensors)
    return LlamaBackend(folder / "model.gguf", num_slots=1, context=128, cache_tokens=256, threads=1)


def test_a_prompt_does_not_end_with_the_end_token_where_the_file_adds_one(tmp_path: Path) -> None:
    backend = load(tmp_path, **{"tokenizer.ggml.add_eos_token": True})
    plain = backend.tokenize(TEXT, add_special=False, parse_special=True)
    assert backend.tokenize(TEXT, add_special=True, parse_special=True) == [tiny_models.BEGIN, *plain]
    assert backend.tokenize("", add_special=True, parse_special=True) == [tiny_models.BEGIN]
    backend.close()


@pytest.mark.parametrize("template", ["{# \udcff #}", "{{ '\udcff' }}"])
def test_a_template_with_a_byte_that_is_no_utf8_can_be_used(tmp_path: Path, template: str) -> None:
    source = template + "{% for m in messages %}{{ m.content }}{% endfor %}"
    backend = load(tmp_path, **{"tokenizer.chat_template": source})
    assert backend.render_chat([{"role": "user", "content": "Hello"}]).endswith("Hello")
    backend.close()
