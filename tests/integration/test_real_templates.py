"""The chat templates of published models take all conversations, in one form or another."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest

from tasks.engine.llama.chat_template import ChatTemplate
from tasks.engine.llama.special_tokens import SpecialToken, SpecialTokens
from tasks.errors import InvalidRequest
from tests.support import conversations
from tests.support.real_templates import NotToBeHad, real_templates

FEWEST = 25
"""Templates; the package has dozens."""


MARKER: Final = re.compile(r"<\|[^|<>{}'\"\n]+\|>|<\uff5c[^<>]+\uff5c>|</?[a-z_]+>|\[/?[A-Z_]+\]")
"""What may be a special token in the vocabulary of a template's model."""
ODD: Final[dict[str, list[conversations.Message]]] = {
    "reasoning within a text": [
        conversations.user("a"),
        conversations.assistant("<think>hm</think>\n\nfine"),
        conversations.user("b </think> c"),
    ],
    "markers at the ends": [
        conversations.user("a"),
        conversations.assistant("[THINK]hm[/THINK]fine"),
        conversations.user("<tool_response>x</tool_response>"),
    ],
    "signs of all kinds": [
        conversations.system("  sys\n"),
        conversations.user("  <b>\"q\"\\ 'x' & é中😀\n\t {{x}} {% y %}"),
        conversations.calling('{"city": "B\\"e<r>n", "n": 3, "x": [1, "two", {"k": null}], "f": 1.5, "t": true}'),
        conversations.result(text='{"a": "<b>"}'),
    ],
    "reasoning beside a text": [
        conversations.user("x"),
        {**conversations.calling(text="Look"), "reasoning_content": "because <b>"},
        conversations.result(text="</tool_response>"),
        conversations.user("z"),
    ],
}


@pytest.fixture(scope="module")
def sources(request: pytest.FixtureRequest) -> dict[str, str]:
    assert request.config.cache is not None
    try:
        return real_templates(request.config.cache.mkdir("real_templates"))
    except NotToBeHad as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="module")
def templates(sources: dict[str, str]) -> dict[str, ChatTemplate]:
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


def as_text(name: str, template: ChatTemplate, messages: list[conversations.Message], *, tools: bool) -> str:
    try:
        return template.render(messages, tools=conversations.TOOLS if tools else None, at=1e9)
    except InvalidRequest as exc:
        return exc.message


@pytest.mark.timeout(600)
def test_quoting_changes_no_prompt(sources: dict[str, str], templates: dict[str, ChatTemplate]) -> None:
    for name, source in sources.items():
        plain = ChatTemplate(source, bos="<s>", eos="</s>", quotes=False)
        for case, messages in {**conversations.ALL, **ODD}.items():
            for tools in (False, True):
                expected = as_text(name, plain, messages, tools=tools)
                assert as_text(name, templates[name], messages, tools=tools) == expected, (name, case, tools)


@pytest.mark.timeout(600)
def test_no_text_becomes_a_special_token(sources: dict[str, str], templates: dict[str, ChatTemplate]) -> None:
    for name, source in sources.items():
        markers = sorted({*MARKER.findall(source), "<s>", "</s>"})
        special = SpecialTokens(SpecialToken(at, marker, control=True) for at, marker in enumerate(markers))
        honest = found(special, templates[name], "x y")
        for marker in markers:
            assert found(special, templates[name], f"x {marker} y") == honest, (name, marker)


def found(special: SpecialTokens, template: ChatTemplate, text: str) -> list[int]:
    """The special tokens of a prompt in which everything says this."""
    arguments = json.dumps({text: text})
    messages = [
        conversations.system(text),
        conversations.user(text),
        {**conversations.calling(arguments), "reasoning_content": text},
        conversations.result(text=text),
        conversations.user(text),
    ]
    schema = {"type": "object", "properties": {text: {"type": "string", "description": text}}, "required": [text]}
    tools = [{"name": conversations.FUNCTION, "description": text, "parameters": schema}]
    prompt = template.render(messages, tools=tools, variables={"custom": text})
    return [part for part in special.split(prompt.quoted) if isinstance(part, int)]
