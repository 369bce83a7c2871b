"""Chat templates are run as Hugging Face runs them, with messages in the form that each wants."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.answers.syntax import Syntax
from tasks.engine.llama import chat_template
from tasks.engine.llama.chat_template import ChatTemplate
from tasks.engine.llama.fitting import find_fit
from tasks.errors import InvalidRequest
from tests.support import chat_templates

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "Tells <the> weather", "parameters": PARAMETERS, "strict": True}
TOOLS = [WEATHER]
ARGUMENTS = '{"city": "Zürich"}'
QUESTION = {"role": "user", "content": "How is it in Zürich?"}
CALLED: dict[str, Any] = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"id": "call_0123456789", "type": "function", "function": {"name": "get_weather", "arguments": ARGUMENTS}}
    ],
}
RESULT = {"role": "tool", "content": "sunny", "tool_call_id": "call_0123456789"}
CONVERSATION = [QUESTION, CALLED, RESULT]
SEPARATOR = "|||"
SAID = SEPARATOR + "{{ messages[-1].content }}"


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, bos="<s>", eos="</s>")


def render(source: str, *messages: dict[str, Any], **options: Any) -> str:
    """The prompt, without what `SAID` adds to a template that does not say what is asked."""
    whole = source if "content" in source else source + SAID
    return template(whole).render(list(messages), **options).removesuffix(SEPARATOR + QUESTION["content"])


def refused(source: str, *messages: dict[str, Any], **options: Any) -> str:
    """What is said of messages that the template refuses."""
    with pytest.raises(InvalidRequest) as refusal:
        render(source, *(messages or (QUESTION,)), **options)
    assert refusal.value.param == "messages"
    return refusal.value.message


@pytest.mark.parametrize(
    ("source", "syntax"),
    [
        (chat_templates.QWEN25, Syntax("hermes", "no")),
        (chat_templates.QWEN3, Syntax("hermes", "optional")),
        (chat_templates.LLAMA31, Syntax("llama3", "no")),
        (chat_templates.MISTRAL_NEMO, Syntax("mistral", "no")),
        (chat_templates.HERMES, Syntax("hermes", "no")),
        (chat_templates.DEEPSEEK_R1, Syntax("json", "optional")),
        (chat_templates.GEMMA2, Syntax("json", "no")),
        (chat_templates.CHATML, Syntax("json", "no")),
    ],
)
def test_a_template_tells_how_its_model_writes(source: str, syntax: Syntax) -> None:
    assert template(source).syntax == syntax


@pytest.mark.parametrize(
    ("source", "written"),
    [
        (chat_templates.QWEN25, f'<tool_call>\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}\n</tool_call>'),
        (chat_templates.QWEN3, f'<tool_call>\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}\n</tool_call>'),
        (chat_templates.HERMES, f'<tool_call>\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}\n</tool_call>'),
        (chat_templates.LLAMA31, f'{{"name": "get_weather", "parameters": {ARGUMENTS}}}<|eot_id|>'),
        (chat_templates.MISTRAL_NEMO, f'[TOOL_CALLS][{{"name": "get_weather", "arguments": {ARGUMENTS}, "id": "'),
        (chat_templates.DEEPSEEK_R1, f"<|call|>get_weather\n```json\n{ARGUMENTS}\n```<|end|>"),
        (chat_templates.CHATML, f'assistant\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}<|im_end|>'),
        (chat_templates.GEMMA2, f'model\n{{"name": "get_weather", "arguments": {ARGUMENTS}}}<end_of_turn>'),
    ],
)
@pytest.mark.parametrize("content", ["", None])
def test_calls_of_earlier_turns_are_written_as_the_model_writes_them(
    source: str, written: str, content: str | None
) -> None:
    prompt = render(source, QUESTION, {**CALLED, "content": content}, RESULT, tools=TOOLS)
    assert written in prompt
    assert "sunny" in prompt.partition(written)[2]
    assert "None" not in prompt


@pytest.mark.parametrize("source", [chat_templates.QWEN25, chat_templates.LLAMA31, chat_templates.MISTRAL_NEMO])
def test_arguments_that_are_no_object_stay_the_text_they_are(source: str) -> None:
    function = {"name": "get_weather", "arguments": '{"city": "Zür'}
    called = {**CALLED, "tool_calls": [{"id": "1", "type": "function", "function": function}]}
    assert '": "{\\"city\\": \\"Zür"' in render(source, QUESTION, called, {**RESULT, "tool_call_id": "1"})


def test_calls_stay_as_the_client_sent_them() -> None:
    render(chat_templates.MISTRAL_NEMO, *CONVERSATION)
    assert CALLED["tool_calls"] == [
        {"id": "call_0123456789", "type": "function", "function": {"name": "get_weather", "arguments": ARGUMENTS}}
    ]


def test_mistrals_templates_get_ids_of_nine_characters_and_the_same_for_call_and_result() -> None:
    prompt = render(chat_templates.MISTRAL_NEMO, *CONVERSATION)
    given = prompt.partition('"id": "')[2].partition('"')[0]
    assert len(given) == 9
    assert given.isalnum()
    assert f'"call_id": "{given}"' in prompt
    assert prompt == render(chat_templates.MISTRAL_NEMO, *CONVERSATION)


def test_an_id_that_is_short_already_is_kept() -> None:
    call = {**CALLED["tool_calls"][0], "id": "a1b2c3d4e"}
    called, result = {**CALLED, "tool_calls": [call]}, {**RESULT, "tool_call_id": "a1b2c3d4e"}
    assert render(chat_templates.MISTRAL_NEMO, QUESTION, called, result).count("a1b2c3d4e") == 2


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (chat_templates.QWEN25, '{"type": "function", "function": {"name": "get_weather", "description": "Tells <the>'),
        (chat_templates.LLAMA31, '"description": "Tells <the> weather"'),
        (chat_templates.MISTRAL_NEMO, '[AVAILABLE_TOOLS][{"type": "function", "function": {"name": "get_weather"'),
        (chat_templates.HERMES, "get_weather(city: string)"),
    ],
)
def test_a_template_that_knows_tools_is_given_them(source: str, told: str) -> None:
    prompt = render(source, QUESTION, tools=TOOLS)
    assert prompt.count(told) == 1
    assert "strict" not in prompt
    assert told not in render(source, QUESTION)


def test_a_function_without_parameters_has_none() -> None:
    assert "now()" in render(chat_templates.HERMES, QUESTION, tools=[{"name": "now"}])


def test_functions_are_told_in_front_where_the_template_knows_nothing_of_them() -> None:
    prompt = render(chat_templates.CHATML, QUESTION, tools=TOOLS)
    assert prompt.startswith("<|im_start|>system\nYou can call these functions")
    assert '{"name": "get_weather", "description": "Tells <the> weather", "parameters": {"type": "object"' in prompt
    assert '{"name": <its name>, "arguments": <an object>}' in prompt
    assert prompt.endswith("<|im_end|>\n<|im_start|>user\nHow is it in Zürich?<|im_end|>\n<|im_start|>assistant\n")
    assert "function" not in render(chat_templates.CHATML, QUESTION)


def test_they_join_a_system_message_that_is_there() -> None:
    prompt = render(chat_templates.CHATML, {"role": "system", "content": "Be kind."}, QUESTION, tools=TOOLS)
    assert prompt.count("<|im_start|>system") == 1
    assert "plain text.\n\nBe kind.<|im_end|>" in prompt


def test_they_join_the_first_question_where_there_can_be_no_system_message() -> None:
    prompt = render(chat_templates.GEMMA2, QUESTION, tools=TOOLS)
    assert prompt.startswith("<s><start_of_turn>user\nYou can call these functions")
    assert "plain text.\n\nHow is it in Zürich?<end_of_turn>" in prompt


def test_a_template_that_knows_calls_but_no_tools_is_left_alone() -> None:
    source = "{% for m in messages %}{{ m.tool_calls or m.content }}{% endfor %}"
    assert render(source, QUESTION, tools=TOOLS) == QUESTION["content"]


def test_results_beside_each_other_are_one_message_where_roles_must_alternate() -> None:
    prompt = render(chat_templates.GEMMA2, QUESTION, CALLED, RESULT, {**RESULT, "content": "and warm"})
    assert "user\nThe function gave: sunny\nThe function gave: and warm<end_of_turn>" in prompt


def test_variables_reach_the_template_but_cannot_take_the_place_of_what_it_is_given() -> None:
    assert render(chat_templates.QWEN3, QUESTION, variables={"enable_thinking": False}).endswith("</think>\n\n")
    given = {"date_string": "today", "messages": [], "bos_token": "", "tools": 1}
    prompt = render(chat_templates.LLAMA31, QUESTION, variables=given)
    assert prompt.startswith("<s>")
    assert "Today Date: today" in prompt
    assert "Zürich" in prompt
    assert prompt.endswith("assistant<|end_header_id|>\n\n")


def test_the_environment_is_hugging_faces() -> None:
    assert render("{{ {'b': 'é<', 'a': 1} | tojson }}", QUESTION) == '{"b": "é<", "a": 1}'
    assert render("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", QUESTION) == "01"
    assert render("a\n  {% if true %}\n  b\n  {% endif %}\nc", QUESTION) == "a\n  b\nc"
    assert render("{% generation %}a{% endgeneration %}b", QUESTION) == "ab"
    assert render("{{ tools is none }}{{ documents is none }}{{ eos_token }}", QUESTION) == "TrueTrue</s>"
    assert render("{{ messages | map(attribute='role') | tojson }}", QUESTION) == '["user"]'


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ raise_exception('Roles must alternate!') }}", "refuses these messages: Roles must alternate!"),
        ("{{ 'a' + 1 }}", "refuses"),
        ("{{ missing.text }}", "refuses"),
        ("{{ 1 / 0 }}", "refuses"),
        ("{{ range(1000000) | list }}", "refuses"),
        ("{{ messages.__class__.__mro__ }}", "refuses"),
        ("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "refuses"),
        ("{{ messages | attr('x') | int | tojson(indent={}) }}", "refuses"),
        ("{% if %}", "cannot be read"),
        ("{% for x in y %}" * 30 + "{% endfor %}" * 30, "cannot be read"),
    ],
)
def test_a_template_that_fails_refuses_the_messages(source: str, said: str) -> None:
    assert said in refused(source)


def test_a_refusal_names_the_message() -> None:
    source = "{% for m in messages %}{% if m.role == 'assistant' %}{{ raise_exception('No!') }}{% endif %}{% endfor %}"
    said = refused(source + "{{ messages[0].content }}", QUESTION, {"role": "assistant", "content": "Hot."}, QUESTION)
    assert said == "The model's chat template refuses these messages: No! (messages.1, of the role assistant)"


def test_a_template_that_leaves_out_the_question_in_every_form_is_an_error_that_names_the_message() -> None:
    source = "{% for m in messages %}{% if m.role == 'assistant' %}{{ m.content }}{% endif %}{% endfor %}"
    said = refused(source, {"role": "assistant", "content": "Hi."}, QUESTION)
    assert said == "The model's chat template leaves out the text of messages.1, of the role user."


def test_a_question_that_is_empty_is_not_missed() -> None:
    assert template("x").render([{"role": "user", "content": ""}]) == "x"


def test_a_template_may_gather_in_a_list_and_the_clients_messages_stay_as_they_are() -> None:
    sent = [dict(QUESTION)]
    source = "{% set _ = messages.append(1) %}{{ messages | length }}{{ messages[0].content }}"
    assert template(source).render(sent) == f"2{QUESTION['content']}"
    assert sent == [QUESTION]


NOON = datetime(2031, 2, 3, 12, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ date_string }}", "03 Feb 2031"),
        ("{{ datetime }}", "Feb 03 2031"),
        ("{{ strftime_now('%Y-%m-%d %H:%M') }}", "2031-02-03 12:30"),
        ("{{ date_string if date_string is defined else 'long ago' }}", "03 Feb 2031"),
    ],
)
def test_a_template_is_told_the_time_that_is_given(source: str, told: str) -> None:
    assert render(source, QUESTION, at=NOON) == told


def test_the_time_is_the_same_whatever_the_machines_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert render("{{ strftime_now('%H:%M') }}", QUESTION, at=NOON) == "12:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_template_may_think_unless_it_is_told_not_to() -> None:
    source = "{% if not enable_thinking %}</think>{% endif %}"
    assert render(source, QUESTION) == ""
    assert render(source, QUESTION, variables={"enable_thinking": False}) == "</think>"


def test_an_effort_is_told_by_both_names_that_templates_know() -> None:
    source = "{{ reasoning_effort }} {{ reasoning_strength }}"
    assert render(source, QUESTION, variables={"reasoning_effort": "low"}) == "low low"
    assert render(source, QUESTION) == " "


def test_functions_are_told_by_the_name_that_firefunctions_template_knows() -> None:
    source = "{{ functions }}{{ messages[-1].content }}"
    assert '"name": "get_weather"' in render(source, QUESTION, tools=TOOLS)
    assert render(source, QUESTION) == QUESTION["content"]


def test_the_form_of_a_shape_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[Any] = []

    def counted(*args: Any, **options: Any) -> Any:
        searches.append(args)
        return find_fit(*args, **options)

    monkeypatch.setattr(chat_template, "find_fit", counted)
    made = template(chat_templates.GEMMA2)
    system = {"role": "system", "content": "Be kind."}
    answered = [QUESTION, {"role": "assistant", "content": "Warm."}]
    for turns in range(2, 20):
        assert made.render([system, *answered * turns, QUESTION]).startswith("<s><start_of_turn>user\nBe kind.\n\n")
    assert len(searches) == 1


def test_what_is_refused_for_its_words_and_not_its_shape_is_tried_as_it_is() -> None:
    shy = (
        "{% if messages | length == 1 and 'Zürich' not in messages[0].content %}{{ raise_exception('No!') }}{% endif %}"
    )
    assert render(shy + "{{ messages[0].content }}", QUESTION) == QUESTION["content"]
