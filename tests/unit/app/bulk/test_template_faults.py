"""An error in a template is told with its place, its piece, and the form that works for names that are no words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app.bulk.asking import Question, RowError, Template
from app.bulk.errors import BulkError
from app.bulk.template_faults import form_of

JINJAS_WORDS = re.compile(r"end of (print statement|statement block)|surrogates not allowed| at \d+\.")


def fault(text: str) -> str:
    with pytest.raises(BulkError) as caught:
        Template(text, "--prompt")
    said = str(caught.value)
    assert said.startswith("--prompt, line ")
    assert not JINJAS_WORDS.search(said)
    return said.removeprefix("--prompt, ")


def row_fault(text: str, row: dict[str, Any]) -> str:
    with pytest.raises(RowError) as caught:
        Template(text, "--prompt").render(row)
    assert caught.value.code == "template_error"
    assert not JINJAS_WORDS.search(str(caught.value))
    return str(caught.value).removeprefix("--prompt")


@pytest.mark.parametrize(
    ("text", "place", "form"),
    [
        ("{{ my column }}", "line 1, column 7, in {{ my column }}: ", "'my column' write {{ row[\"my column\"] }}."),
        ("Say:\n {{ a }} {{ é è }}", "line 2, column 15, in {{ é è }}: ", "'é è' write {{ row[\"é è\"] }}."),
        ("{{- my column -}}", "line 1, column 8, in {{- my column -}}: ", 'write {{ row["my column"] }}.'),
        (
            "{{ my column | upper }}",
            "line 1, column 7, in {{ my column | upper }}: ",
            "'my column' write {{ row[\"my column\"] | upper }}.",
        ),
        ("{{ 1st }}", "line 1, column 5, in {{ 1st }}: ", "'1st' write {{ row[\"1st\"] }}."),
        ("a\r\n{{ b c }}", "line 2, column 6, in {{ b c }}: ", 'write {{ row["b c"] }}.'),
    ],
)
def test_a_column_of_several_words_is_told_with_the_form_that_works(text: str, place: str, form: str) -> None:
    said = fault(text)
    assert said.startswith(f"{place}expected token '}}}}', got ")
    assert said.endswith(form)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a {{ text", "line 1, column 10, in {{ text: unexpected end of template, expected '}}'."),
        ("a\nb {{ x } }}", "line 2, column 8, in {{ x } }}: unexpected '}'."),
        ("{{ @x }}", "line 1, column 4, in {{ @x }}: unexpected char '@'."),
        ("{{ a + }}", "line 1, column 8, in {{ a + }}: unexpected '}}'."),
        ("{{ }}", "line 1, column 4, in {{ }}: Expected an expression, got '}}'."),
        ("{{ a }} {% fi %}", "line 1, column 12, in {% fi %}: Encountered unknown tag 'fi'."),
        ("{% if a b %}", "line 1, column 9, in {% if a b %}: expected token '%}', got 'b'."),
        (
            "{% raw %}{{ a b }}{% endraw %}{% for %}",
            "line 1, column 38, in {% for %}: Expected an expression, got '%}'.",
        ),
        ("{# no end", "line 1, column 3: Missing end of comment tag."),
        ("{% if a %}x", "line 1, column 12: Unexpected end of template. "),
        (
            "a\n{{ b }}{{ x|uper }}",
            "line 2, column 13, in {{ x|uper }}: there is no filter 'uper'. Did you mean upper?",
        ),
        (
            "{{ x is defind }}",
            "line 1, column 9, in {{ x is defind }}: there is no test 'defind'. Did you mean defined?",
        ),
    ],
)
def test_any_other_error_is_told_with_its_place_and_its_piece(text: str, said: str) -> None:
    assert fault(text).startswith(said)


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("{{ a }} {{ 1 / x }}", {"a": 1, "x": 0}, ", line 1, column 9, in {{ 1 / x }}: division by zero."),
        ("a\n\n{{ x.y.z }}", {"x": {}}, ", line 3, column 1, in {{ x.y.z }}: there is no 'y'."),
        (
            "{{ text }} {{ txet }}",
            {"text": 1},
            ", line 1, column 12, in {{ txet }}: there is no 'txet'; did you mean 'text'?",
        ),
        (
            '{{ row["my colum"] }}',
            {"my column": 1},
            ", line 1, column 1, in {{ row[\"my colum\"] }}: there is no 'my colum'; did you mean 'my column'?",
        ),
        ("{% for a in x %}{{ a }}{% endfor %}", {"x": 3}, ", line 1: 'int' object is not iterable."),
        ("{{ x }}", {"x": "\ud800"}, ": the row's text has half of a surrogate pair"),
    ],
)
def test_a_row_that_a_template_cannot_be_filled_from_tells_the_piece(text: str, row: dict[str, Any], said: str) -> None:
    assert row_fault(text, row) == said


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ my-column }}", "For the column 'my-column' write {{ row[\"my-column\"] }}."),
        ("{{ a.b | upper }}", "For the column 'a.b' write {{ row[\"a.b\"] | upper }}."),
        ("{{ Price (EUR) }}", "For the column 'Price (EUR)' write {{ row[\"Price (EUR)\"] }}."),
        ("{{ time in s }}", "For the column 'time in s' write {{ row[\"time in s\"] }}."),
        ("{{ txt }}", "Did you mean text instead of txt?"),
        ("{{ txt2 }} {{ pricee }}", "Did you mean text instead of txt2?"),
        ("{{ quantity }}", ""),
        ("{{ my_column }}", 'Did you mean {{ row["my-column"] }} instead of my_column?'),
    ],
)
def test_a_column_that_is_missing_is_told_with_what_was_probably_meant(text: str, hint: str) -> None:
    columns = frozenset({"my-column", "a.b", "Price (EUR)", "time in s", "text"})
    asks = Question(model="m", prompt=Template("Hello", "--prompt"), system=Template(text, "--system"))
    assert asks.missing(columns)
    assert asks.hint(columns) == hint


@pytest.mark.parametrize("column", ["my column", "größe cm", "1st", "2024-05"])
def test_the_form_that_is_told_works(column: str) -> None:
    text = f"{{{{ {column} | upper }}}}"
    try:
        told = Question(model="m", prompt=Template(text, "--prompt")).hint(frozenset({column}))
    except BulkError as exc:
        told = str(exc)
    form = told.partition(" write ")[2].removesuffix(".")
    assert Template(form, "--prompt").render({column: "yes"}) == "YES"


@pytest.mark.parametrize("column", ["my column", "it's", '5" disk', "5\" ' disk", "a\\b", "{{ a }}"])
def test_the_form_of_any_column_works(column: str) -> None:
    assert Template(form_of(column), "--prompt").render({column: "yes"}) == "yes"
