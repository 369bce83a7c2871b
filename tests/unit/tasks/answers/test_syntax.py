"""How a model writes is told from its chat template."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tasks.answers.syntax import PLAIN, Syntax, Thinking, after_prompt
from tasks.answers.tools.formats import FORMATS, MARKERS, detect


@pytest.mark.parametrize(
    ("template", "syntax"),
    [
        ("{% if tools %}<tool_call>{% endif %}", Syntax("hermes", "no")),
        ("<tool_call> {{ content.split('</think>') }}", Syntax("hermes", "optional")),
        ("[AVAILABLE_TOOLS] [TOOL_CALLS]", Syntax("mistral", "no")),
        ("[TOOL_CALLS] [THINK] [/THINK]", Syntax("mistral", "optional")),
        ("<|start_header_id|>ipython<|end_header_id|>", Syntax("llama3", "no")),
        ("<|python_tag|>", Syntax("llama3", "no")),
        ("<|start_header_id|>", Syntax("json", "no")),
        ("{{ messages }}", Syntax("json", "no")),
    ],
)
def test_a_template_tells_the_syntax(template: str, syntax: Syntax) -> None:
    assert detect(template) == syntax


@pytest.mark.parametrize(("name", "sign"), [(each.name, sign) for each in FORMATS for sign in each.signs])
def test_no_format_hides_the_signs_of_a_later_one(name: str, sign: Sequence[str]) -> None:
    assert detect("".join(sign)).tool_format == name


@pytest.mark.parametrize(
    ("prompt", "thinking"),
    [("<think>\n", "open"), ("<think>", "open"), ("<think>\n\n</think>\n\n", "optional"), ("<think> hm", "optional")],
)
def test_a_prompt_may_end_inside_reasoning(prompt: str, thinking: Thinking) -> None:
    assert after_prompt(Syntax("hermes", "optional"), "user\nassistant\n" + prompt).thinking == thinking


@pytest.mark.parametrize("tool_format", [None, *(each.name for each in FORMATS)])
@pytest.mark.parametrize("thinking", ["no", "optional", "open"])
def test_a_syntax_is_stored_and_read_again(tool_format: str | None, thinking: Thinking) -> None:
    syntax = Syntax(tool_format, thinking)
    assert Syntax.decode(syntax.encode()) == syntax


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("", PLAIN),
        ("hermes,open", Syntax("hermes", "open")),
        ("hermes", Syntax("hermes", "no")),
        ("hermes,open,more", Syntax("hermes", "open")),
        ("newer,often", Syntax("newer", "no")),
    ],
)
def test_what_a_later_version_stored_is_read_as_far_as_it_is_known(text: str, syntax: Syntax) -> None:
    assert Syntax.decode(text) == syntax


def test_the_markers_of_every_format_are_known() -> None:
    assert {
        "<think>",
        "</think>",
        "[THINK]",
        "[/THINK]",
        "<tool_call>",
        "</tool_call>",
        "[TOOL_CALLS]",
        "[ARGS]",
        "[CALL_ID]",
        "<|python_tag|>",
    } == MARKERS
