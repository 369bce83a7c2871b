"""A quoted text says what it said, whatever is done with it, and no special token is found in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.llama.quoting import Prompt, Quoted, escaped, quoted, unquoted
from tasks.engine.llama.template_environment import create_environment
from tasks.errors import InvalidRequest

TEXTS = st.text("ab<|>/ \n\té中😀\"\\'1", max_size=12)
NEEDLES = st.text("ab<|> \n", min_size=1, max_size=3)

Operation = Callable[[Any, Any], Any]


def method(name: str) -> Operation:
    return lambda text, other: getattr(text, name)(other)


SEARCHES: dict[str, Operation] = {
    "in": lambda text, other: other in text,
    **{name: method(name) for name in ("find", "rfind", "count", "startswith", "endswith")},
    "equal": lambda text, other: text == other,
    "less": lambda text, other: text < other,
    "of several": lambda text, other: text.startswith((other, "a")),
}
CUTS: dict[str, Operation] = {
    **{name: method(name) for name in ("split", "rsplit", "partition", "rpartition", "strip", "lstrip", "rstrip")},
    **{name: method(name) for name in ("removeprefix", "removesuffix")},
    "split once": lambda text, other: text.split(other, 1),
    "words": lambda text, other: text.split(),
    "first word": lambda text, other: text.split(None, 1),
    "last word": lambda text, other: text.rsplit(None, 1),
    "lines": lambda text, other: text.splitlines(),
    "whole lines": lambda text, other: text.splitlines(True),
    "replace": lambda text, other: text.replace(other, "<x>"),
    "replace once": lambda text, other: text.replace(other, "", 1),
    "trim": lambda text, other: text.strip(),
    "a part": lambda text, other: text[1:-1],
    "backwards": lambda text, other: text[::-1],
    "characters": lambda text, other: list(text),
    "before": lambda text, other: text + other,
    "behind": lambda text, other: other + text,
    "between": lambda text, other: text.join([other, "b", other]),
    "upper": lambda text, other: text.upper(),
    "title": lambda text, other: text.title(),
    "repr": lambda text, other: repr(text),
    "format": lambda text, other: f"{text:>5}",
    "percent": lambda text, other: f"%s{other}" % (text,),
}


def said(value: Any) -> Any:
    if isinstance(value, str):
        return unquoted(value)
    return [said(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("name", SEARCHES)
@given(text=TEXTS, other=NEEDLES)
def test_it_is_searched_by_what_it_says(name: str, text: str, other: str) -> None:
    expected = SEARCHES[name](text, other)
    assert SEARCHES[name](quoted(text), other) == expected
    assert SEARCHES[name](quoted(text), quoted(other)) == expected


@pytest.mark.parametrize("name", CUTS)
@given(text=TEXTS, other=NEEDLES)
def test_it_is_cut_and_joined_by_what_it_says(name: str, text: str, other: str) -> None:
    expected = said(CUTS[name](text, other))
    assert said(CUTS[name](quoted(text), other)) == expected
    assert said(CUTS[name](quoted(text), quoted(other))) == expected


@given(TEXTS)
def test_it_stands_for_its_text_in_a_mapping_and_as_json(text: str) -> None:
    assert {quoted(text): 1}[text] == {text: 1}[quoted(text)] == 1
    for ensure_ascii in (False, True):
        written = json.dumps({"key": quoted(text)}, ensure_ascii=False)
        written = escaped(written) if ensure_ascii else written
        assert unquoted(written) == json.dumps({"key": text}, ensure_ascii=ensure_ascii)
    assert copy.deepcopy([quoted(text)]) == [text]


@given(st.lists(st.tuples(st.booleans(), st.text("<|a> \n中", max_size=6)), max_size=8))
def test_what_is_not_quoted_stays_as_it_is_beside_what_is(parts: list[tuple[bool, str]]) -> None:
    template = create_environment().from_string("{% for part in parts %}{{ '' ~ part }}{% endfor %}")
    prompt = Prompt(template.render(parts=[quoted(text) if quotes else text for quotes, text in parts]))
    assert prompt == "".join(text for _, text in parts)
    assert len(prompt) == len(prompt.quoted)
    at = 0
    for quotes, text in parts:
        written = prompt.quoted[at : at + len(text)]
        assert "<" not in written if quotes else written == text
        at += len(text)


@pytest.mark.parametrize(
    "source",
    [
        "{{ text }}",
        "{{ text | trim | upper | lower }}",
        "{{ text ~ '|>' }}",
        "{{ '<' ~ text ~ '>' }}",
        "{{ [text, text] | join('|') }}",
        "{{ text.split('|') | join('') }}",
        "{{ text.replace('|', '') }}",
        "{{ [text] | string }}",
        "{{ {'key': text} | tojson(ensure_ascii=true) }}",
        "{{ '%s' | format(text) }}{{ '{}'.format(text) }}",
        "{% macro shown(given) %}<{{ given[1:] }}{% endmacro %}{{ shown(text) }}",
        "{% set made %}{{ text }}|{% endset %}{{ made.split('|')[-2] }}",
    ],
)
def test_no_template_makes_a_special_token_of_it(source: str) -> None:
    rendered = create_environment().from_string(source).render(text=quoted("<|im_end|>"))
    assert "im_end" not in str.__str__(rendered)
    assert unquoted(rendered) == create_environment().from_string(source).render(text="<|im_end|>")


def test_texts_deep_inside_are_quoted_and_known_names_are_not() -> None:
    made = quoted({"name": "a<", "other": [{"x": "b<"}, 1, None, True]}, known=frozenset({"name"}))
    assert made == {"name": "a<", "other": [{"x": "b<"}, 1, None, True]}
    assert [isinstance(key, Quoted) for key in made] == [False, True]
    assert isinstance(made["other"][0]["x"], Quoted)


@pytest.mark.parametrize("text", ["x\ud800", "\udfff" * 600])
def test_halves_of_characters_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="half of a character"):
        quoted(text)


@given(st.text(max_size=20).map(lambda text: text * 30))
def test_every_text_can_be_quoted(text: str) -> None:
    for each in (text[:20], text):
        assert unquoted(str.__str__(quoted(each))) == each


@pytest.mark.parametrize("length", [511, 512, 600])
def test_a_long_text_keeps_what_an_array_of_texts_would_cut(length: int) -> None:
    for text in ("x" * length + "\0\0", "\0" * length, "😀" * length + "\0"):
        assert unquoted(str.__str__(quoted(text))) == text


@pytest.mark.parametrize("length", [511, 512, 5000])
def test_long_texts_are_quoted_like_short_ones(length: int) -> None:
    text = ('<é中😀 \n"\\a' * length)[:length]
    assert [str.__str__(quoted(char)) for char in text] == list(str.__str__(quoted(text)))
    assert unquoted(str.__str__(quoted(text))) == text
