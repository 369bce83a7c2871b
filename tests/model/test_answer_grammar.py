"""What the grammars of answers allow, on the demo model's vocabulary, and what the demo answers under them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import jsonschema
import pytest
from llguidance import LLMatcher

from tasks.answers.constraint import GrammarError, from_json_schema, from_text
from tasks.answers.grammar import answer_grammar
from tasks.answers.parser import Answer, Call, parse
from tasks.answers.syntax import Syntax, Thinking, after_prompt
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence as EngineSequence
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain

CONTEXT = 512
Verdict = Literal["whole", "begun", "refused"]

WEATHER_TOOL: dict[str, Any] = {
    "name": "get_weather",
    "description": "See https://example.org // or # not",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
ADD_TOOL: dict[str, Any] = {
    "name": "add",
    "parameters": {
        "properties": {"a": {"$ref": "#/$defs/number"}, "more": {"$ref": "#"}},
        "required": ["a"],
        "additionalProperties": False,
        "$defs": {"number": {"type": "integer"}},
    },
}
NOW_TOOL: dict[str, Any] = {"name": "now"}
TOOLS = [WEATHER_TOOL, ADD_TOOL, NOW_TOOL]

ARGUMENTS = '{"city": "Paris"}'
WEATHER = f'{{"name": "get_weather", "arguments": {ARGUMENTS}}}'
ADD = '{"name": "add", "arguments": {"a": 1, "more": {"a": 2}}}'
BAD_ADD = '{"name": "add", "arguments": {"a": "x"'
LLAMA_WEATHER, LLAMA_ADD = (call.replace("arguments", "parameters") for call in (WEATHER, ADD))

ONE = {
    "hermes": f"<tool_call>\n{WEATHER}\n</tool_call>",
    "llama3": LLAMA_WEATHER,
    "mistral": f"[TOOL_CALLS][{WEATHER}]",
    "json": WEATHER,
}
TWO = {
    "hermes": f"<tool_call>\n{WEATHER}\n</tool_call>\n<tool_call>\n{ADD}\n</tool_call>",
    "llama3": f"{LLAMA_WEATHER}; {LLAMA_ADD}",
    "mistral": f"[TOOL_CALLS][{WEATHER}, {ADD}]",
    "json": f"{WEATHER}\n{ADD}",
}
MARKED = {"hermes": "<tool_call>\n", "llama3": "<|python_tag|>", "mistral": "[TOOL_CALLS]"}
SCHEMA = from_json_schema(
    {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"], "additionalProperties": False}
)


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=2, context=CONTEXT, cache_tokens=2 * CONTEXT, threads=1)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def special(demo: LlamaBackend) -> Mapping[str, int]:
    """The demo's markers that are tokens of their own."""
    assert demo.special_markers.keys() == {"<tool_call>", "</tool_call>"}
    return demo.special_markers


def grammar(
    tool_format: str = "hermes",
    thinking: Thinking = "no",
    *,
    tools: Sequence[Mapping[str, Any]] = TOOLS,
    required: bool = False,
    parallel: bool = True,
    answer: str | None = None,
    special: Mapping[str, int] | None = None,
) -> str:
    made = answer_grammar(
        Syntax(tool_format, thinking),
        tools=tools,
        required=required,
        parallel=parallel,
        answer=answer,
        special=special or {},
    )
    assert made is not None
    return made


def verdict(demo: LlamaBackend, made: str, text: str, special: Mapping[str, int] | None = None) -> Verdict:
    """Whether an answer may be this text, begin with it, or neither."""
    matcher = LLMatcher(demo.compiler._view()[0], made, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    for token in tokens(demo, text, special or {}):
        if not matcher.try_consume_tokens([token]):
            return "refused"
    return "whole" if matcher.is_accepting() else "begun"


def tokens(demo: LlamaBackend, text: str, special: Mapping[str, int]) -> Iterator[int]:
    """A token a character, but for the special ones: so no other marker is a token of its own."""
    while text:
        marker = next((marker for marker in special if text.startswith(marker)), "")
        if marker:
            yield special[marker]
        else:
            yield from demo.tokenize(text[0], add_special=False, parse_special=False)
        text = text[len(marker) or 1 :]


@pytest.mark.parametrize("tool_format", ONE)
def test_text_is_free_and_may_end_anywhere_until_a_call_begins(demo: LlamaBackend, tool_format: str) -> None:
    made = grammar(tool_format)
    for text in ("", "Hello.", "\n\nHello <tool", "It is {x}, [1].\n"):
        assert verdict(demo, made, text) == "whole"
    assert verdict(demo, made, ONE[tool_format]) == "whole"
    assert verdict(demo, made, TWO[tool_format]) == "whole"
    assert verdict(demo, made, ONE[tool_format][:-3]) == "begun"


@pytest.mark.parametrize(("tool_format", "marker"), MARKED.items())
def test_after_its_marker_a_call_is_forced(demo: LlamaBackend, tool_format: str, marker: str) -> None:
    made = grammar(tool_format)
    called = marker + (LLAMA_WEATHER if tool_format == "llama3" else WEATHER)
    if tool_format == "mistral":
        called = f"{marker}[{WEATHER}]"
    for before in ("", "Let me look.\n"):
        assert verdict(demo, made, before + marker) == "begun"
        assert verdict(demo, made, before + called) != "refused"
        assert verdict(demo, made, before + marker + "Hello") == "refused"
        assert verdict(demo, made, before + called.replace("get_weather", "launch")) == "refused"


@pytest.mark.parametrize("tool_format", ["llama3", "json"])
def test_an_answer_that_begins_like_a_bare_call_must_be_one(demo: LlamaBackend, tool_format: str) -> None:
    made = grammar(tool_format)
    assert verdict(demo, made, "\n" + ONE[tool_format]) == "whole"
    for text in ("{", '\n{"name": "'):
        assert verdict(demo, made, text) == "begun"
    for text in ("{x", '{"capital"', "\n{x"):
        assert verdict(demo, made, text) == "refused"


@pytest.mark.parametrize("tool_format", ONE)
def test_a_call_that_is_required_comes_at_once(demo: LlamaBackend, tool_format: str) -> None:
    made = grammar(tool_format, required=True)
    assert verdict(demo, made, "") == "begun"
    assert verdict(demo, made, "Hello") == "refused"
    assert verdict(demo, made, ONE[tool_format]) == "whole"
    assert verdict(demo, made, TWO[tool_format]) == "whole"


@pytest.mark.parametrize("tool_format", ONE)
@pytest.mark.parametrize("required", [True, False])
def test_there_is_one_call_where_more_are_not_wanted(demo: LlamaBackend, tool_format: str, required: bool) -> None:
    made = grammar(tool_format, required=required, parallel=False)
    assert verdict(demo, made, ONE[tool_format]) == "whole"
    assert verdict(demo, made, TWO[tool_format]) == "refused"


@pytest.mark.parametrize("tool_format", ONE)
def test_arguments_meet_the_schema_of_their_function(demo: LlamaBackend, tool_format: str) -> None:
    made = grammar(tool_format, required=True)
    prefix = {"hermes": "<tool_call>\n", "mistral": "[TOOL_CALLS]["}.get(tool_format, "")
    key = "parameters" if tool_format == "llama3" else "arguments"
    for call, expected in (
        (ADD[:-1], "begun"),
        (BAD_ADD, "refused"),
        ('{"name": "now", "arguments": {}', "begun"),
        ('{"name": "now", "arguments": {"a"', "refused"),
        ('{"name": "get_weather", "arguments": {}', "refused"),
        ('{\n  "name": "get_weather",\n  "arguments": {\n    "city": "Pa', "begun"),
    ):
        assert verdict(demo, made, prefix + call.replace("arguments", key)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[TOOL_CALLS]add[ARGS]{"a": 1}', "whole"),
        ('[TOOL_CALLS]add{"a": 1}', "whole"),
        ('[TOOL_CALLS]add[CALL_ID]a1b2c3d4e[ARGS]{"a": 1}', "whole"),
        ('[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]now[ARGS]{}', "whole"),
        ('[TOOL_CALLS]add[ARGS]{"a": "', "refused"),
        ("[TOOL_CALLS]launch", "refused"),
    ],
)
def test_mistrals_later_form_is_allowed_too(demo: LlamaBackend, text: str, expected: Verdict) -> None:
    ids = {"[TOOL_CALLS]": 1, "[ARGS]": 3}  # any tokens that do not end an answer will do
    assert verdict(demo, grammar("mistral"), text) == expected
    assert verdict(demo, grammar("mistral", special=ids), text, ids) == expected


def test_markers_that_are_tokens_of_their_own_are_taken_as_such(demo: LlamaBackend, special: Mapping[str, int]) -> None:
    made = grammar(special=special)
    for text in ("", "Hello.", ONE["hermes"], "Let me look.\n" + ONE["hermes"], TWO["hermes"]):
        assert verdict(demo, made, text, special) == "whole"
    for text in ("<tool_call>Hello", f"<tool_call>{BAD_ADD}", ONE["hermes"] + "x"):
        assert verdict(demo, made, text, special) == "refused"
    assert verdict(demo, grammar(special=special, required=True), ONE["hermes"], special) == "whole"


def test_a_literal_does_not_match_a_token_of_its_own_nor_the_other_way(
    demo: LlamaBackend, special: Mapping[str, int]
) -> None:
    """Why `answer_grammar` is told of them. If this fails, llguidance has changed, and could do without."""
    assert verdict(demo, grammar(required=True), "<tool_call>", special) == "refused"
    assert verdict(demo, grammar(required=True, special=special), "<tool_call>") == "refused"


@pytest.mark.parametrize("tool_format", ONE)
@pytest.mark.parametrize("thinking", ["optional", "open"])
@pytest.mark.parametrize("are_special", [False, True])
def test_reasoning_comes_before_what_is_forced(
    demo: LlamaBackend, tool_format: str, thinking: Thinking, are_special: bool
) -> None:
    ids = {"<think>": 1, "</think>": 3} if are_special else {}
    call = ONE[tool_format]
    for made, forced in (
        (grammar(tool_format, thinking, required=True, special=ids), call),
        (grammar(tool_format, thinking, answer=SCHEMA, special=ids), '{"x": 1}'),
        (grammar(tool_format, thinking, answer=SCHEMA, special=ids), call),
        (grammar(tool_format, thinking, tools=[], answer=SCHEMA, special=ids), '{"x": 1}'),
    ):
        assert verdict(demo, made, f"<think>\nWell, {{.\n</think>\n\n{forced}", ids) == "whole"
        assert verdict(demo, made, "<think>\nWell", ids) == "begun"
        assert verdict(demo, made, "<think>Well</think>", ids) == "begun"
        assert verdict(demo, made, "<think>Well</think>\n\nHello", ids) == "refused"
        assert verdict(demo, made, f"Well</think>\n{forced}", ids) == ("whole" if thinking == "open" else "refused")
        if thinking == "optional":
            assert verdict(demo, made, forced, ids) == "whole"
            assert verdict(demo, made, "Well", ids) == "refused"


@pytest.mark.parametrize("tool_format", ONE)
@pytest.mark.parametrize("thinking", ["optional", "open"])
def test_nothing_in_reasoning_is_a_call(demo: LlamaBackend, tool_format: str, thinking: Thinking) -> None:
    made, marker = grammar(tool_format, thinking), MARKED.get(tool_format, "{")
    assert verdict(demo, made, f"<think>{marker}x") == "whole"
    assert verdict(demo, made, f"<think>{marker}x</think>\n\nHello") == "whole"
    assert verdict(demo, made, f"<think>{marker}x</think>\n\n{ONE[tool_format]}") == "whole"
    assert verdict(demo, made, f"<think>{marker}x</think>\n\n{marker}x") == "refused"


def test_mistrals_reasoning_has_markers_of_its_own(demo: LlamaBackend) -> None:
    made = grammar("mistral", "optional", required=True)
    assert verdict(demo, made, f"[THINK]Well[/THINK]{ONE['mistral']}") == "whole"


@pytest.mark.parametrize("tool_format", ONE)
def test_a_response_format_leaves_calls_or_the_answer(demo: LlamaBackend, tool_format: str) -> None:
    for answer, text in ((SCHEMA, '{"x": 1}'), (from_text('root ::= "yes" | "no"'), "yes")):
        made = grammar(tool_format, answer=answer)
        assert verdict(demo, made, text) == "whole"
        assert verdict(demo, made, ONE[tool_format]) == "whole"
        assert verdict(demo, made, "Hello") == "refused"
        assert verdict(demo, grammar(tool_format, answer=answer, required=True), text) == "refused"


def test_what_needs_no_constraint_has_none() -> None:
    syntax = Syntax("hermes", "optional")
    assert answer_grammar(syntax, tools=[], required=False, parallel=True, answer=None, special={}) is None


def test_without_tools_and_reasoning_the_answers_grammar_is_all() -> None:
    for tool_format in ("hermes", None):
        syntax = Syntax(tool_format, "no")
        made = answer_grammar(syntax, tools=[], required=False, parallel=True, answer=SCHEMA, special={})
        assert made == SCHEMA


@pytest.mark.parametrize("tool_format", ONE)
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"type": "array"}, "no object"),
        ({"type": "object", "properties": {"a": {"type": "strin"}}}, "strin"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "unsatisfiable"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}}, "missing"),
        ({"type": "object", "properties": {"a": {"const": "\ud800"}}}, "escape"),
    ],
)
def test_parameters_that_cannot_be_followed_name_their_function_if_it_is_strict(
    demo: LlamaBackend, tool_format: str, parameters: dict[str, Any], said: str
) -> None:
    broken = {"name": "broken", "parameters": parameters}
    with pytest.raises(GrammarError, match=rf"'broken'.*{said}"):
        grammar(tool_format, tools=[WEATHER_TOOL, {**broken, "strict": True}])
    made = grammar(tool_format, tools=[WEATHER_TOOL, broken], required=True)
    assert verdict(demo, made, "") == "begun"


def test_as_many_tools_as_a_request_may_have_make_a_grammar(demo: LlamaBackend) -> None:
    properties = {f"p{number}": {"type": "string", "description": "x" * 100} for number in range(6)}
    tools = [{"name": f"f{number}", "parameters": {"properties": properties}} for number in range(128)]
    made = grammar(tools=tools, required=True)
    assert verdict(demo, made, '<tool_call>{"name": "f127", "arguments": {"p0": ""}}</tool_call>') == "whole"


def asked(demo: LlamaBackend, question: str, *, tool_format: str = "", required: bool, seed: int = 0) -> Answer:
    """What the demo answers, in its own format or another, taken apart."""
    tools = [WEATHER_TOOL, NOW_TOOL]
    prompt = demo.render_chat([{"role": "user", "content": question}], tools=tools)
    syntax = Syntax(tool_format, "no") if tool_format else after_prompt(demo.syntax, prompt)
    made = answer_grammar(
        syntax, tools=tools, required=required, parallel=False, answer=None, special=demo.special_markers
    )
    params = SamplingParams(temperature=1.0 if seed else 0.0, seed=seed, grammar=made, max_tokens=300)
    demo.check(params)
    tokens = demo.tokenize(prompt, add_special=False, parse_special=True)
    sequence = EngineSequence(job=object(), index=0, prompt=tokens, params=params, context=CONTEXT)
    engine = Engine(demo)
    engine.submit([sequence])
    drain(engine)
    assert sequence.finish_reason == "stop"
    return parse(sequence.text, syntax, {"get_weather": {}, "now": {}})


@pytest.mark.parametrize("required", [True, False])
def test_the_demo_calls_the_function_it_was_asked_for(demo: LlamaBackend, required: bool) -> None:
    answer = asked(demo, "What is the weather in Paris?", required=required)
    assert answer == Answer(None, None, (Call("get_weather", ARGUMENTS),))


def test_the_demo_answers_in_text_what_needs_no_call(demo: LlamaBackend) -> None:
    assert asked(demo, "What is 12 + 7?", required=False) == Answer("12 + 7 = 19.", None, ())


@pytest.mark.parametrize("tool_format", ONE)
@pytest.mark.parametrize("seed", range(1, 6))
def test_what_was_constrained_to_be_a_call_is_read_as_one(demo: LlamaBackend, tool_format: str, seed: int) -> None:
    answer = asked(demo, "What is the weather in Rome?", tool_format=tool_format, required=True, seed=seed)
    (call,) = answer.calls
    assert answer == Answer(None, None, (call,))
    schema = {"get_weather": WEATHER_TOOL["parameters"], "now": {"type": "object", "maxProperties": 0}}[call.name]
    jsonschema.validate(json.loads(call.arguments), schema)
