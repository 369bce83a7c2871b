"""What separates the fields of a CSV file, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.bulk.delimiters import SAMPLE_CHARACTERS, sniff
from app.bulk.described import described
from app.bulk.inputs import Input


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("name;price\nx;1,50\ny;2,75\n", ";"),
        ("id\ttext\n1\tWell, yes\n2\tNo; never, ever\n", "\t"),
        ('"id";"text"\n1;"a, b; c"\n2;"d"\n', ";"),
        ('id;text\n1;"first, line\nsecond; line"\n2;x\n', ";"),
        ('id,text\n1,"a;b"\n2,"c;d"\n', ","),
        ('id,"a;b"\n1,2\n', ","),
        ('id;"said ""so, and so"""\n1;"say ""x"""\n', ";"),
        ("a;b", ";"),
        ("a\tb\n", "\t"),
        ("a,b", ","),
        ("text\nHello; you, there\nYes\n", ","),
        ("What; now?\nHello\nYes\n", ","),
        ("text", ","),
        ("", ","),
        ("a;b\r\n\r\n1;2\r\n", ";"),
        ("a,b;c,d\n1,2;3,4\n", ","),
        ("a;b;c\n" + "1;2;3\n" * 20 + "1;2\n", ";"),
        ("a;b\n1;2\n3;\"x\"y\n", ";"),
        ("a;b\n" + f"1;{'x' * SAMPLE_CHARACTERS}"[: SAMPLE_CHARACTERS - 4], ";"),
        ("a;b\n" + '1;2\n1;"' + "x" * SAMPLE_CHARACTERS, ";"),
    ],
)  # fmt: skip
def test_the_delimiter_is_the_one_that_divides_header_and_rows_alike(text: str, delimiter: str) -> None:
    assert sniff(text[:SAMPLE_CHARACTERS]) == delimiter


def rows(source: Input) -> list[dict[str, object]]:
    return [row for chunk in source.chunks() for row in chunk.rows()]


def test_rows_of_tabs_and_semicolons_are_read_and_told_of(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;text\n1;a,b\n", "utf-8-sig")
    (tmp_path / "b.tsv").write_text("id\ttext\n2\tc;d\n3\te\n")
    source = Input.find(tmp_path)
    assert rows(source) == [{"id": "1", "text": "a,b"}, {"id": "2", "text": "c;d"}, {"id": "3", "text": "e"}]
    survey = source.survey()
    assert described(source, survey) == "3 rows, 2 columns (id, text) separated by semicolons and tabs."


def test_a_delimiter_that_is_given_is_taken_and_one_column_has_none(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("a;b|c\n1;2|3\n")
    assert rows(Input.find(path, "|")) == [{"a;b": "1;2", "c": "3"}]
    assert described(Input.find(path, "|"), Input.find(path, "|").survey()).endswith("separated by '|'.")
    path.write_text("text\nHello\n")
    assert described(Input.find(path), Input.find(path).survey()) == "1 row, 1 column (text)."
    path.write_text("one\ttwo\n")
    (tmp_path / "in.tsv").write_text("a;b\n1;2\n")
    assert rows(Input.find(tmp_path / "in.tsv")) == [{"a;b": "1;2"}], "the ending says what separates"


def test_a_survey_names_so_many_columns_and_shows_none_as_it_cannot_be_shown(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(",".join(f"c{n}" for n in range(40)) + "\n")
    told = described(Input.find(path), Input.find(path).survey())
    assert "40 columns" in told
    assert "c11, ..." in told
    assert "c12" not in told
    path.write_text("a\x1b[31m,b\n1,2\n")
    assert "\x1b" not in described(Input.find(path), Input.find(path).survey())
