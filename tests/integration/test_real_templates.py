"""The chat templates of published models take all conversations, in one form or another."""

from __future__ import annotations

import pytest

from tasks.engine.llama.chat_template import ChatTemplate
from tasks.errors import InvalidRequest
from tests.support import conversations
from tests.support.real_templates import NotToBeHad, real_templates

FEWEST = 25
"""Templates; the package has dozens."""


@pytest.fixture(scope="module")
def templates(request: pytest.FixtureRequest) -> dict[str, ChatTemplate]:
    assert request.config.cache is not None
    try:
        sources = real_templates(request.config.cache.mkdir("real_templates"))
    except NotToBeHad as exc:
        pytest.skip(str(exc))
    return {name: ChatTemplate(source, bos="<s>", eos="</s>") for name, source in sources.items()}


def failures(template: ChatTemplate, *, tools: bool) -> dict[str, list[str]]:
    """What is said amiss, by conversation."""
    found: dict[str, list[str]] = {}
    for name, messages in conversations.ALL.items():
        try:
            found[name] = conversations.lost(template, messages, tools=tools)
        except InvalidRequest as exc:
            found[name] = [exc.message]
    return {name: said for name, said in found.items() if said}


@pytest.mark.timeout(600)
def test_published_templates_say_all_of_every_conversation(templates: dict[str, ChatTemplate]) -> None:
    assert len(templates) >= FEWEST
    found = {
        (name, tools): failures(template, tools=tools)
        for name, template in templates.items()
        for tools in (False, True)
    }
    assert {where: said for where, said in found.items() if said} == {}
