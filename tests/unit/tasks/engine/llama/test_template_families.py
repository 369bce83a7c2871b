"""The templates of all families take all conversations, in one form or another."""

from __future__ import annotations

import pytest

from tasks.engine.llama.chat_template import ChatTemplate
from tests.support import conversations
from tests.support.template_families import FAMILIES, source


@pytest.mark.parametrize("tools", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_says_all_of_every_conversation(family: str, tools: bool) -> None:
    template = ChatTemplate(source(FAMILIES[family]), bos="<s>", eos="</s>")
    missing = {name: conversations.lost(template, each, tools=tools) for name, each in conversations.ALL.items()}
    assert {name: texts for name, texts in missing.items() if texts} == {}
