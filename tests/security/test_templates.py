"""A model's chat template cannot hang the worker that loads it: what takes long is tried elsewhere first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.engine.llama import LlamaBackend
from tasks.engine.llama.chat_template import ChatTemplate
from tasks.engine.llama.template_trial import Bounds, fault
from tasks.errors import InvalidRequest
from tests.support import chat_templates, tiny_models

MESSAGES = [{"role": "user", "content": "Hello"}]
SAID = "{% for m in messages %}{{ m.content }}{% endfor %}"
SOME_TIME = "{% for a in range(20000) %}{% for b in range(20000) %}{% endfor %}{% endfor %}"
SOME_MEMORY = "{{ 'x' * 20000000 }}"
"""It is constant: jinja2 works it out while it compiles."""


def tried(source: str, bounds: Bounds) -> str:
    return fault(source + SAID, bos="<s>", eos="</s>", bounds=bounds)


@pytest.mark.parametrize("source", [chat_templates.QWEN3, chat_templates.LLAMA31, chat_templates.MISTRAL_NEMO, ""])
def test_an_ordinary_template_passes(source: str) -> None:
    assert tried(source, Bounds()) == ""


def test_a_template_that_takes_time_is_given_up() -> None:
    assert tried(SOME_TIME, Bounds(seconds=1.0)).startswith("compiling it takes more than 1 seconds of a processor")
    assert tried("", Bounds(seconds=1.0)) == ""


def test_a_template_whose_constants_take_memory_is_given_up() -> None:
    assert "or more than 16 MiB" in tried(SOME_MEMORY, Bounds(memory_bytes=16 << 20))
    assert tried("", Bounds(memory_bytes=16 << 20)) == ""


@pytest.mark.parametrize(
    "source", ["{% if %}", "{{ 1 / 0 }}", "{{ raise_exception('no') }}", "{{ " + "9" * 5000 + " }}", "{{ nobody.x }}"]
)
def test_a_templates_own_faults_are_told_when_it_is_used(source: str) -> None:
    """Python reads no number of so many digits."""
    assert tried(source, Bounds()) == ""
    with pytest.raises(InvalidRequest, match="chat template"):
        ChatTemplate(source + SAID, bos="<s>", eos="</s>").render(MESSAGES)


def test_a_model_with_such_a_template_is_served_and_its_chats_are_told_why_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    source = SOME_TIME + SAID
    fields, tensors = tiny_models.sentencepiece(tiny_models.Weights(0))
    tiny_models.write_gguf(tmp_path / "model.gguf", {**fields, "tokenizer.chat_template": source}, tensors)
    backend = LlamaBackend(tmp_path / "model.gguf", num_slots=1, context=128, cache_tokens=256, threads=1)
    assert backend.tokenize("what is", add_special=True, parse_special=True)
    with pytest.raises(InvalidRequest, match="chat template cannot be read: compiling it takes more than 2 seconds"):
        backend.render_chat(MESSAGES)
    assert "chat template not used" in caplog.text + capsys.readouterr().out
    backend.close()
