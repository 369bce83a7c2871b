"""Generated text is taken apart into reasoning, content and calls, however it is cut."""

from __future__ import annotations

import json
import time
from itertools import chain, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.answers.deltas import joined
from tasks.answers.parser import Answer, AnswerParser, Arguments, Call, CallBegun, Content, Delta, Reasoning, parse
from tasks.answers.syntax import REASONING, Syntax, Thinking
from tasks.answers.tools.formats import FORMATS, MARKERS

Tools = dict[str, dict[str, Any]]
TOOLS: Tools = {"get_weather": {}, "add": {}}
PARIS = '{"city": "Paris"}'
WEATHER = f'{{"name": "get_weather", "arguments": {PARIS}}}'
LLAMA_WEATHER = f'{{"name": "get_weather", "parameters": {PARIS}}}'
UNKNOWN = '{"name": "launch", "arguments": {"at": "dawn"}}'
CALL = Call("get_weather", PARIS)


def read(text: str, tool_format: str | None = "hermes", thinking: Thinking = "no", *, reasoning: bool = True) -> Answer:
    return parse(text, Syntax(tool_format, thinking), TOOLS, reasoning)


def told(syntax: Syntax, *pieces: str, tools: Tools = TOOLS, reasoning: bool = True) -> list[list[Delta]]:
    """What each piece tells, then what the end does."""
    parser = AnswerParser(syntax, tools, reasoning=reasoning)
    return [*(parser.feed(piece) for piece in pieces), parser.finish()]


def told_in_all(syntax: Syntax, *pieces: str, reasoning: bool) -> list[Delta]:
    return joined(chain.from_iterable(told(syntax, *pieces, reasoning=reasoning)))


@pytest.mark.parametrize(
    ("tool_format", "text"),
    [
        ("hermes", f"<tool_call>\n{WEATHER}\n</tool_call>"),
        ("hermes", f"\n<tool_call>{WEATHER}</tool_call>\n"),
        ("hermes", f"<tool_call>\n{WEATHER}"),
        ("llama3", LLAMA_WEATHER),
        ("llama3", f"\n{LLAMA_WEATHER}"),
        ("llama3", f"<|python_tag|>{LLAMA_WEATHER}"),
        ("llama3", f'{{"type": "function", "name": "get_weather", "parameters": {PARIS}}}'),
        ("llama3", f'{{"type": "function", "function": "get_weather", "parameters": {PARIS}}}'),
        ("mistral", f"[TOOL_CALLS][{WEATHER}]"),
        ("mistral", f'[TOOL_CALLS] [{{"name": "get_weather", "arguments": {PARIS}, "id": "a1b2c3d4e"}}]'),
        ("mistral", f"[TOOL_CALLS]get_weather[ARGS]{PARIS}"),
        ("mistral", f"[TOOL_CALLS]get_weather{PARIS}"),
        ("mistral", f"[TOOL_CALLS]get_weather[CALL_ID]a1b2c3d4e[ARGS]{PARIS}"),
        ("json", WEATHER),
        ("json", LLAMA_WEATHER),
        ("json", f"[{WEATHER}]"),
        ("json", f"[ {WEATHER} ]\n"),
        ("json", f'{{"tool_calls": [{WEATHER}]}}'),
        ("json", f'{{"tool_calls": [{{"id": "1", "type": "function", "function": {WEATHER}}}]}}'),
        ("json", f"```json\n{WEATHER}\n```"),
        ("json", f"```\n[{WEATHER}]\n```"),
    ],
)
def test_a_call_is_read_in_every_form_its_models_write(tool_format: str, text: str) -> None:
    assert read(text, tool_format) == Answer(None, None, (CALL,))


@pytest.mark.parametrize(
    ("tool_format", "text"),
    [
        ("hermes", f"<tool_call>\n{WEATHER}\n</tool_call>\n<tool_call>\n{WEATHER}\n</tool_call>"),
        ("hermes", f"<tool_call>\n{WEATHER}\n{WEATHER}\n</tool_call>"),
        ("llama3", f"<|python_tag|>{LLAMA_WEATHER}; {LLAMA_WEATHER}"),
        ("llama3", f"{LLAMA_WEATHER}\n{LLAMA_WEATHER}"),
        ("mistral", f"[TOOL_CALLS][{WEATHER}, {WEATHER}]"),
        ("mistral", f"[TOOL_CALLS]get_weather[ARGS]{PARIS}[TOOL_CALLS]get_weather[ARGS]{PARIS}"),
        ("json", f"[{WEATHER},\n{WEATHER}]"),
        ("json", f"{WEATHER}\n{WEATHER}"),
        ("json", f'{{"tool_calls": [{WEATHER}, {WEATHER}]}}'),
    ],
)
def test_calls_beside_each_other_are_read_in_order(tool_format: str, text: str) -> None:
    assert read(text, tool_format) == Answer(None, None, (CALL, CALL))


@pytest.mark.parametrize(
    ("tool_format", "text"),
    [
        ("hermes", f"<tool_call>\n{UNKNOWN}\n</tool_call>"),
        ("hermes", '<tool_call>{"arguments": {"at": "dawn"}, "name": "launch"}</tool_call>'),
        ("hermes", "A call stands in <tool_call> and </tool_call>. "),
        ("hermes", "a < b, <tool"),
        ("hermes", '<tool_call>{"name": "get_w'),
        ("hermes", "<tool_call>[1]</tool_call>"),
        ("hermes", '<tool_call>{"name": 5, "arguments": {}}</tool_call>'),
        ("hermes", r'<tool_call>{"name": "\ud800", "arguments": {}}</tool_call>'),
        ("llama3", "<|python_tag|>print(1)"),
        ("llama3", '{"name": "get_weather"}'),
        ("llama3", '{"name": "get_weather", "country": "France"}'),
        ("llama3", f"For example: {LLAMA_WEATHER}"),
        ("mistral", "[TOOL_CALLS]launch[ARGS]{}"),
        ("mistral", "[TOOL_CALLS]get_weather"),
        ("mistral", "[TOOL_CALLS]get_weather[ARGS]later"),
        ("mistral", "a[0] and [TOOL"),
        ("json", UNKNOWN),
        ("json", '{"capital": "Paris"}'),
        ("json", '[1, 2, {"name": "get_weather"}]'),
        ("json", '{"tool_calls": {}}'),
        ("json", "```python\nprint(1)\n```\n"),
        ("json", "  An indented line.\n"),
        ("json", f"<tool_call>{WEATHER}</tool_call>"),
        ("newer", f"<tool_call>{WEATHER}</tool_call>"),
        (None, f"<tool_call>{WEATHER}</tool_call>"),
    ],
)
def test_what_is_no_call_of_a_declared_function_is_content_as_it_was_written(
    tool_format: str | None, text: str
) -> None:
    assert read(text, tool_format) == Answer(text, None, ())


def test_without_declared_functions_nothing_is_a_call() -> None:
    text = f"<tool_call>\n{WEATHER}\n</tool_call>\n"
    assert parse(text, Syntax("hermes", "no"), {}) == Answer(text, None, ())


def test_content_around_calls_is_kept_without_what_separates_it() -> None:
    call = f"<tool_call>\n{WEATHER}\n</tool_call>"
    assert read(f"Let me look.\n\n{call}") == Answer("Let me look.", None, (CALL,))
    assert read(f"{call}\n\nDone.\n") == Answer("Done.\n", None, (CALL,))
    assert read(f"First.\n{call}\n{call}\n\nThen.") == Answer("First.\nThen.", None, (CALL, CALL))


def test_a_call_of_another_function_between_calls_is_content() -> None:
    call = f"<tool_call>{WEATHER}</tool_call>"
    bad = f"<tool_call>{UNKNOWN}</tool_call>"
    assert read(call + bad + call) == Answer(bad, None, (CALL, CALL))
    assert read(f"<tool_call>{WEATHER}\n{UNKNOWN}</tool_call>") == Answer(f"{UNKNOWN}</tool_call>", None, (CALL,))
    assert read(f"{WEATHER}; {UNKNOWN}", "json") == Answer(f"; {UNKNOWN}", None, (CALL,))
    assert read(f"[TOOL_CALLS][{WEATHER}, {UNKNOWN}]", "mistral") == Answer(f", {UNKNOWN}]", None, (CALL,))


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ('"{\\"city\\": \\"Par\\u0069s\\"}"', PARIS),
        ('"no object"', '"no object"'),
        ('"[1]"', '"[1]"'),
        ("null", "{}"),
        ("7", "7"),
        ('{"a": "}\\"{"}', '{"a": "}\\"{"}'),
        ('{"a": [{}, [], "]"]}', '{"a": [{}, [], "]"]}'),
    ],
)
def test_arguments_are_told_as_written_or_taken_out_of_a_string(written: str, arguments: str) -> None:
    for text in (
        f'<tool_call>{{"name": "add", "arguments": {written}}}</tool_call>',
        f'<tool_call>{{"arguments": {written}, "name": "add"}}</tool_call>',
    ):
        assert read(text) == Answer(None, None, (Call("add", arguments),))


def test_a_call_without_arguments_has_none() -> None:
    assert read('<tool_call>{"name": "add"}</tool_call>').calls == (Call("add", "{}"),)


def test_a_call_that_is_cut_off_keeps_the_arguments_so_far() -> None:
    assert read('<tool_call>{"name": "add", "arguments": {"a": "x').calls == (Call("add", '{"a": "x'),)
    assert read('<tool_call>{"name": "add", ').calls == (Call("add", ""),)
    assert read('[TOOL_CALLS]add[ARGS]{"a"', "mistral").calls == (Call("add", '{"a"'),)


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("hm\n</think>\n\nYes.\n", "open", Answer("Yes.\n", "hm", ())),
        ("<think>\nhm\n</think>\n\nYes.", "open", Answer("Yes.", "hm", ())),
        ("hm <think> hm ", "open", Answer("", "hm <think> hm ", ())),
        ("<think>\n\n</think>\n\nYes.", "optional", Answer("Yes.", None, ())),
        ("\n<think>hm</think>Yes.", "optional", Answer("Yes.", "hm", ())),
        ("<think>hm", "optional", Answer("", "hm", ())),
        ("\nYes <think>hm</think>", "optional", Answer("\nYes <think>hm</think>", None, ())),
        ("[THINK]hm[/THINK]Yes.", "optional", Answer("[THINK]hm[/THINK]Yes.", None, ())),
        ("<think>hm</think>Yes.", "no", Answer("<think>hm</think>Yes.", None, ())),
        (
            f"<think>\n<tool_call>{WEATHER}</tool_call>?\n</think>\n\n<tool_call>{WEATHER}</tool_call>",
            "optional",
            Answer(None, f"<tool_call>{WEATHER}</tool_call>?", (CALL,)),
        ),
    ],
)
def test_reasoning_comes_first_and_nothing_in_it_is_a_call(text: str, thinking: Thinking, answer: Answer) -> None:
    assert read(text, thinking=thinking) == answer


def test_reasoning_has_mistrals_markers_in_mistrals_syntax() -> None:
    text = f"[THINK]hm[/THINK]\n[TOOL_CALLS][{WEATHER}]"
    assert read(text, "mistral", "optional") == Answer(None, "hm", (CALL,))


@pytest.mark.parametrize("thinking", ["open", "optional"])
def test_reasoning_that_nobody_splits_is_content_with_its_markers(thinking: Thinking) -> None:
    text = "\n<think>\nhm <tool_call>\n</think>\n\nYes.\n"
    assert read(text, thinking=thinking, reasoning=False) == Answer(text, None, ())
    before_call = read(f"<think>hm</think>\n{WEATHER}", "json", "optional", reasoning=False)
    assert before_call == Answer("<think>hm</think>", None, (CALL,))


def test_a_stream_holds_back_only_what_may_still_become_something_else() -> None:
    pieces = ("Yes", ", ", "a <", "tool", " b<tool_call>", '{"na', 'me": "add', '", "arguments": {"a"', ": 1", "}", "}")
    assert told(Syntax("hermes", "no"), *pieces) == [
        [Content("Yes")],
        [Content(",")],
        [Content(" a")],
        [],
        [Content(" <tool b")],
        [],
        [],
        [CallBegun(0, "add"), Arguments(0, '{"a"')],
        [Arguments(0, ": 1")],
        [Arguments(0, "}")],
        [],
        [],
    ]


def test_where_no_call_can_come_blanks_are_not_held_back() -> None:
    assert told(Syntax(None, "no"), "a ", "\n", tools={}) == [[Content("a ")], [Content("\n")], []]
    assert told(Syntax("json", "no"), "Well ", "{ ") == [[Content("Well ")], [Content("{ ")], []]


def test_an_object_that_is_no_call_is_told_as_soon_as_that_is_clear() -> None:
    first, *_ = told(Syntax("json", "no"), '{"capital": ')
    assert first == [Content('{"capital": ')]


def test_reasoning_streams() -> None:
    assert told(Syntax("hermes", "open"), "\nwell", " then\n", "</th", "ink>", "\n\nYes") == [
        [Reasoning("well")],
        [Reasoning(" then")],
        [],
        [],
        [Content("Yes")],
        [],
    ]


FRAGMENTS = [
    *sorted(MARKERS),
    *("<tool", "</think", "[TOOL_", "[", "]", "{", "}", '"', "\\", "; ", ", ", ": ", " ", "\n\n", "```json\n", "```"),
    *('"name"', '"arguments"', '"parameters"', '"function"', '"tool_calls": [', "get_weather", '"add"', "null", "é"),
    *(
        WEATHER,
        LLAMA_WEATHER,
        UNKNOWN,
        PARIS,
        '{"name": "add", "arguments": ',
        '{"arguments": {"a": 1}, "name": "add"}',
    ),
    *('"{\\"a\\": 1}"', "Hello. ", "<tool_call>\n{", "[TOOL_CALLS][{", "[TOOL_CALLS]add[ARGS]{"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=12).map("".join)
SYNTAXES = st.builds(
    Syntax, st.sampled_from([None, *(each.name for each in FORMATS)]), st.sampled_from(["no", "optional", "open"])
)


@settings(max_examples=1000)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 200)), syntax=SYNTAXES, reasoning=st.booleans())
def test_an_answer_does_not_depend_on_how_its_text_was_cut(
    text: str, cuts: list[int], syntax: Syntax, reasoning: bool
) -> None:
    at = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[start:end] for start, end in pairwise(at)]
    whole = told_in_all(syntax, text, reasoning=reasoning)
    assert told_in_all(syntax, *pieces, reasoning=reasoning) == whole
    assert told_in_all(syntax, *text, reasoning=reasoning) == whole


@settings(max_examples=300)
@given(text=TEXTS, syntax=SYNTAXES)
def test_text_without_calls_and_reasoning_is_never_lost(text: str, syntax: Syntax) -> None:
    answer = parse(text, syntax, TOOLS)
    if (
        not answer.calls
        and answer.reasoning is None
        and not any(marker in text for pair in REASONING for marker in pair)
    ):
        assert (answer.content or "") in (text, text.lstrip())


WORDS = st.text(max_size=8)
VALUES = st.none() | st.integers() | WORDS | st.lists(WORDS, max_size=2) | st.dictionaries(WORDS, WORDS, max_size=2)


@settings(max_examples=50)
@given(arguments=st.lists(st.dictionaries(WORDS, VALUES, max_size=3), min_size=1, max_size=3), ascii_only=st.booleans())
def test_whatever_the_arguments_are_they_come_out_as_they_went_in(
    arguments: list[dict[str, object]], ascii_only: bool
) -> None:
    written = [json.dumps(each, ensure_ascii=ascii_only) for each in arguments]
    objects = [f'{{"name": "add", "arguments": {each}}}' for each in written]
    calls = tuple(Call("add", each) for each in written)
    texts = {
        "hermes": "\n".join(f"<tool_call>\n{each}\n</tool_call>" for each in objects),
        "llama3": "; ".join(objects),
        "mistral": f"[TOOL_CALLS][{', '.join(objects)}]",
        "json": "\n".join(objects),
    }
    for tool_format, text in texts.items():
        assert read(text, tool_format) == Answer(None, None, calls)
    named = "".join(f"[TOOL_CALLS]add[ARGS]{each}" for each in written)
    assert read(named, "mistral") == Answer(None, None, calls)


@pytest.mark.parametrize(
    "text",
    [
        '<tool_call>{"name": "add", "arguments": {"a": ' + "[" * 100_000,
        '<tool_call>{"name": "add", "arguments": {"a": "' + "\\\\" * 100_000,
        '<tool_call>{"arguments": "' + "[" * 100_000 + '", "name": "add"}',
        '<tool_call>{"arguments": ' + "[" * 100_000,
        "<tool_call>" * 20_000,
        '<tool_call>{"a":"' * 20_000,
        "<" * 100_000,
        " " * 100_000,
    ],
)
def test_long_and_deep_text_is_read_in_linear_time(text: str) -> None:
    started = time.process_time()
    told(Syntax("hermes", "optional"), *(text[at : at + 5] for at in range(0, len(text), 5)))
    assert time.process_time() - started < 10
