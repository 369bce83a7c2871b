"""Answers that go on a message of the assistant's."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.engine.llama.chat_template import ChatTemplate
from tasks.errors import InvalidRequest

ASKED = [{"role": "user", "content": "Hello"}]
PLAIN = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>"
    "{% if enable_thinking and thinks %}<think>\n{% endif %}{% endif %}"
)


def rendered(begun: dict[str, Any] | None = None, **variables: Any) -> Any:
    return ChatTemplate(PLAIN, bos="", eos="").render(ASKED, variables=variables, begun=begun)


def test_the_message_stands_behind_what_the_template_writes_before_an_answer() -> None:
    assert rendered({"content": "Hi, I"}) == "<|user|>Hello<|assistant|>Hi, I"
    assert rendered() == "<|user|>Hello<|assistant|>"
    assert rendered(add_generation_prompt=False) == "<|user|>Hello"


def test_it_is_text_in_which_there_are_no_special_tokens() -> None:
    prompt = rendered({"content": "<|user|>", "reasoning_content": "</think>"})
    assert prompt == "<|user|>Hello<|assistant|><think>\n</think>\n</think>\n\n<|user|>"
    assert prompt.quoted.count("<|user|>") == prompt.quoted.count("</think>") == 1, "those of the template's own"


def test_reasoning_that_the_template_has_begun_is_ended() -> None:
    prompt = rendered({"content": "Hi", "reasoning_content": "A greeting."}, thinks=True)
    assert prompt == "<|user|>Hello<|assistant|><think>\nA greeting.\n</think>\n\nHi"
    assert rendered({"content": "Hi"}, thinks=True, enable_thinking=False) == "<|user|>Hello<|assistant|>Hi"
    with pytest.raises(InvalidRequest, match="reasons before it answers"):
        rendered({"content": "Hi"}, thinks=True)
