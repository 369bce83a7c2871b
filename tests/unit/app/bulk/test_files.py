"""Datasets as files: reading, choosing rows, and writing them with their answers."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bulk import outputs
from app.bulk.answer import Answer
from app.bulk.asking import RowError
from app.bulk.assemble import assemble, failures_path
from app.bulk.choice import Choice
from app.bulk.columns import AnswerColumns
from app.bulk.errors import BulkError
from app.bulk.inputs import Input, Survey
from app.bulk.json_text import to_json
from app.bulk.output_types import checked, infer
from app.bulk.row_groups import ROWS
from tests.support.datasets import write

ROWS_WRITTEN = [{"id": "1", "text": 'a,\n"b"'}, {"id": "2", "text": "Grüße \u2028 😀"}, {"id": "3", "text": ""}]


def read(path: Path) -> list[dict[str, Any]]:
    return [row for chunk in Input.find(path).chunks() for row in chunk.rows()]


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".csv", ".parquet"])
def test_every_kind_of_input_gives_the_rows_that_are_in_it(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"in{ending}", ROWS_WRITTEN)
    assert read(path) == ROWS_WRITTEN
    survey = Input.find(path).survey()
    assert (survey.num_rows, survey.columns) == (3, ("id", "text"))


def test_a_folder_is_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", [{"id": "3"}])
    write(tmp_path / "a.jsonl", [{"id": 1}, {"id": 2, "more": True}])
    write(tmp_path / "c.parquet", [{"id": 4}])
    (tmp_path / "notes.txt").write_text("no rows")
    assert read(tmp_path) == [{"id": 1}, {"id": 2, "more": True}, {"id": "3"}, {"id": 4}]
    survey = Input.find(tmp_path).survey()
    assert (survey.num_rows, survey.columns) == (4, ("id", "more"))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", b'{"a": 1}\n\n{"a": \n', "line 3, is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1, is not a JSON object"),
        ("a.jsonl", b'{"a": "\xff"}\n', "line 1, is not JSON"),
        ("a.csv", b"a,b\n1,2\n3\n", "line 3, has 1 fields, and the header has 2"),
        ("a.csv", b"a,a\n1,2\n", "two columns of one name, 'a'"),
        ("a.csv", b",\n1,2\n", "two columns of one name, ''"),
        ("a.jsonl", b'{"a": 1}\n{"a": 1, "a": 2}\n', "line 2, has two columns of one name, 'a'"),
        ("a.jsonl", b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "line 1, is nested too deep"),
        ("a.jsonl", b'{"a": ' + b"1" * 5000 + b"}", "line 1, is not JSON"),
        ("a.jsonl", '{"a": 1}\n'.encode("utf-16"), "is UTF-16. Save it as UTF-8"),
        ("a.jsonl", '{"a": 1}\n'.encode("utf-16-le"), "is UTF-16"),
        ("a.jsonl", '{"a": 1}\n'.encode("utf-32"), "is UTF-32"),
        ("a.csv", "a\n1\n".encode("utf-16"), "is UTF-16"),
        ("a.csv", b'a\n"x"y\n', "line 2, is not CSV"),
        ("a.csv", b"a\n\xff\n", "is not UTF-8"),
        ("a.parquet", b"PAR1 no", "is not a readable Parquet file"),
        ("a.txt", b"", "must end in"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BulkError, match=told):
        Input.find(tmp_path / name).survey()


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BulkError, match="There is no"):
        Input.find(tmp_path / "none.csv")
    with pytest.raises(BulkError, match="holds no file"):
        Input.find(tmp_path)
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(BulkError, match="holds no file"):
        Input.find(tmp_path / "x.csv")


def test_any_change_of_an_input_changes_its_digest(tmp_path: Path) -> None:
    digests = set()
    for text in ("a\n1\n", "a\n2\n", "a\n1\n1\n", "a\n1\n\n"):
        (tmp_path / "a.csv").write_text(text)
        digests.add(Input.find(tmp_path / "a.csv").survey().digest)
    write(tmp_path / "b.csv", [{"a": "1"}])
    digests.add(Input.find(tmp_path).survey().digest)
    assert len(digests) == 5


@given(st.integers(0, 3000), st.none() | st.integers(1, 3000), st.none() | st.integers(1, 3000), st.text(max_size=3))
def test_a_choice_takes_so_many_rows_in_order_and_always_the_same(
    num_rows: int, sample: int | None, limit: int | None, digest: str
) -> None:
    choice, survey = Choice(sample, limit), Survey(num_rows, (), digest)
    chosen = list(choice._indexes(survey))[:limit]
    assert len(chosen) == choice.count(num_rows)
    assert chosen == sorted(set(chosen))
    assert chosen == list(choice._indexes(survey))[:limit]
    assert not chosen or 0 <= chosen[0] <= chosen[-1] < num_rows


def test_chosen_rows_are_those_of_the_input(tmp_path: Path) -> None:
    source = Input.find(write(tmp_path / "a.jsonl", [{"id": n} for n in range(3 * ROWS)]))
    survey = source.survey()
    choice = Choice(sample=100, limit=90)
    rows = [row["id"] for chunk in choice.of(source, survey) for row in chunk.rows()]
    assert rows == list(choice._indexes(survey))[:90]
    assert rows != list(range(90))
    everything = [row["id"] for chunk in Choice().of(source, survey) for row in chunk.rows()]
    assert everything == list(range(3 * ROWS))


def answered(text: str) -> Answer:
    return Answer(text=text, finish_reason="stop", prompt_tokens=2, completion_tokens=1)


FAILED = Answer(code="context_length_exceeded", message="Too long.")


def make(source: Path, output: Path, answers: list[Answer], columns: AnswerColumns) -> None:
    data = Input.find(source)
    names = data.survey().columns
    said = data.parts[0].schema()
    schema = checked(data.chunks, said.remove_metadata()) if said is not None else infer(data.chunks, names)
    assemble(
        data.chunks(), iter(answers), names=names, schema=schema, columns=columns, output=output, folder=output.parent,
        num_failed=sum(each.failed for each in answers),
    )  # fmt: skip


@pytest.fixture(params=[".jsonl", ".csv", ".parquet"])
def output(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / f"out{request.param}"


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_every_kind_of_output_has_the_rows_their_answers_and_the_failures(
    tmp_path: Path, ending: str, output: Path
) -> None:
    source = write(tmp_path / f"in{ending}", ROWS_WRITTEN)
    make(source, output, [answered('x\n"y"'), FAILED, answered("ß")], AnswerColumns.of(None, "label"))
    assert read(output) == [
        {**ROWS_WRITTEN[0], "label": 'x\n"y"', "finish_reason": "stop"},
        {**ROWS_WRITTEN[2], "label": "ß", "finish_reason": "stop"},
    ]
    failure = {"error_code": "context_length_exceeded", "error_message": "Too long."}
    assert read(failures_path(output)) == [{**ROWS_WRITTEN[1], **failure}]
    assert sorted(path.name for path in output.parent.iterdir()) == sorted([output.name, failures_path(output).name])


def test_without_failures_an_earlier_file_of_them_goes(tmp_path: Path, output: Path) -> None:
    source = write(tmp_path / "in.csv", ROWS_WRITTEN)
    failures_path(output).write_text("of an earlier run")
    make(source, output, [answered("x")] * 3, AnswerColumns.of(None, "answer"))
    assert not failures_path(output).exists()


def test_an_input_without_rows_becomes_an_output_without_rows(tmp_path: Path, output: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n")
    make(tmp_path / "in.csv", output, [], AnswerColumns.of(None, "answer"))
    assert read(output) == []
    assert output.exists()


def test_columns_are_known_without_rows(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n")
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / "in.parquet")
    assert Input.find(tmp_path / "in.csv").survey().columns == ("id", "text")
    assert Input.find(tmp_path / "in.parquet").survey().columns == ("id",)


def test_many_rows_are_written_in_order(tmp_path: Path, output: Path) -> None:
    source = write(tmp_path / "in.jsonl", [{"id": n} for n in range(2 * ROWS + 7)])
    answers = [FAILED if n % 5 == 0 else answered(str(n)) for n in range(2 * ROWS + 7)]
    make(source, output, answers, AnswerColumns.of(None, "answer"))
    rows = read(output)
    assert [int(row["id"]) for row in rows] == [int(row["answer"]) for row in rows]
    assert [int(row["id"]) for row in rows] == [n for n in range(2 * ROWS + 7) if n % 5]
    assert [int(row["id"]) for row in read(failures_path(output))] == list(range(0, 2 * ROWS + 7, 5))


SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["positive", "negative"]}, "score": {"type": "number"}, "more": {"type": "object"},
        "stars": {"type": ["integer", "null"]}, "sure": {"type": "boolean"},
        "words": {"type": "array", "items": {"type": "string"}},
    },
}  # fmt: skip
TOLD = {"label": "positive", "score": 0.5, "more": {"b": [1]}, "stars": None, "sure": True, "words": ["a"]}


def test_structured_answers_become_columns_of_their_types(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", [{"id": "1"}])
    columns = AnswerColumns.of(SCHEMA, "answer")
    for ending in (".jsonl", ".csv", ".parquet"):
        make(source, tmp_path / f"out{ending}", [answered(json.dumps(TOLD))], columns)
    assert read(tmp_path / "out.jsonl") == [{"id": "1", **TOLD}]
    assert read(tmp_path / "out.parquet") == [{"id": "1", **TOLD, "more": '{"b": [1]}'}]
    assert read(tmp_path / "out.csv") == [{
        "id": "1", "label": "positive", "score": "0.5", "stars": "", "sure": "true", "words": '["a"]',
        "more": '{"b": [1]}',
    }]  # fmt: skip
    types = pq.read_schema(tmp_path / "out.parquet")
    assert [str(types.field(name).type) for name in TOLD] == [
        "string", "double", "string", "int64", "bool", "list<element: string>",
    ]  # fmt: skip


def test_an_answer_that_does_not_fit_is_told_when_it_comes() -> None:
    columns = AnswerColumns.of(SCHEMA, "answer")
    columns.check(answered(json.dumps(TOLD)))
    with pytest.raises(RowError, match="does not fit"):
        columns.check(answered(json.dumps({**TOLD, "stars": 10**30})))
    with pytest.raises(RowError, match="max-tokens"):
        columns.check(Answer(text='{"label": "pos', finish_reason="length"))
    AnswerColumns.of(None, "answer").check(Answer(text="cut", finish_reason="length"))


def test_a_schema_without_properties_fills_one_column(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", [{"id": "1"}])
    make(source, tmp_path / "out.csv", [answered("[1, 2]")], AnswerColumns.of({"type": "array"}, "answer"))
    assert read(tmp_path / "out.csv") == [{"id": "1", "answer": "[1, 2]"}]


def test_parquet_keeps_its_types_and_other_kinds_have_words_for_them(tmp_path: Path) -> None:
    table = pa.table(
        {
            "at": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC")),
            "day": pa.array([datetime.date(2024, 2, 29)]),
            "price": pa.array(["1.50"]).cast(pa.decimal128(9, 2)),
            "kind": pa.array(["x"]).dictionary_encode(),
            "raw": pa.array([b"\x00\xff"]),
            "none": pa.array([None], pa.int32()),
            "nested": pa.array([{"a": [1]}]),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    for ending in (".jsonl", ".csv", ".parquet"):
        make(tmp_path / "in.parquet", tmp_path / f"out{ending}", [answered("x")], AnswerColumns.of(None, "answer"))
    assert pq.read_table(tmp_path / "out.parquet").select(table.column_names).equals(table)
    (row,) = read(tmp_path / "out.jsonl")
    assert row == {
        "at": "2023-11-14T22:13:20.123456789+00:00", "day": "2024-02-29", "price": "1.50", "kind": "x", "raw": "AP8=",
        "none": None, "nested": {"a": [1]}, "answer": "x", "finish_reason": "stop",
    }  # fmt: skip
    (cells,) = read(tmp_path / "out.csv")
    assert cells == {**row, "none": "", "nested": '{"a": [1]}'}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), JSON), min_size=1, max_size=5))
def test_json_of_any_shape_can_be_written_as_any_kind(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    source = write(folder / "in.jsonl", rows)
    for ending in (".jsonl", ".csv", ".parquet"):
        make(source, folder / f"out{ending}", [answered("x")] * len(rows), AnswerColumns.of(None, "answer"))
        assert len(read(folder / f"out{ending}")) == len(rows)
    kept = [{**json.loads(to_json(row)), "answer": "x", "finish_reason": "stop"} for row in rows]
    assert read(folder / "out.jsonl") == kept


def test_two_columns_of_one_name_in_parquet_are_told(tmp_path: Path) -> None:
    table = pa.table([pa.array(["What is 1 + 1?"]), pa.array(["x"])], names=["q", "q"])
    pq.write_table(table, tmp_path / "two.parquet")
    with pytest.raises(BulkError, match="two columns of one name, 'q'"):
        Input.find(tmp_path / "two.parquet").survey()


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, ROWS_WRITTEN)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path) == ROWS_WRITTEN
    assert Input.find(path).survey().columns == ("id", "text")


def test_numbers_beyond_all_floats_are_null_in_json_and_named_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"x": 1e400, "y": [NaN, {"z": -Infinity}]}\n')
    for ending in (".jsonl", ".csv", ".parquet"):
        make(tmp_path / "in.jsonl", tmp_path / f"out{ending}", [answered("x")], AnswerColumns.of(None, "answer"))
    assert (tmp_path / "out.jsonl").read_text() == (
        '{"x": null, "y": [null, {"z": null}], "answer": "x", "finish_reason": "stop"}\n'
    )
    (row,) = read(tmp_path / "out.csv")
    assert (row["x"], row["y"]) == ("Infinity", '[null, {"z": null}]')
    assert pq.read_table(tmp_path / "out.parquet")["x"].to_pylist() == [float("inf")]


@given(texts=st.lists(st.text(st.sampled_from('\ra\n",;\ufeff '), max_size=6), min_size=1, max_size=5), name=st.text())
def test_every_text_and_every_name_comes_back_from_csv(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], name: str
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    names = ("\ufeff" + name, "b")
    rows = [{names[0]: text, "b": ""} for text in texts]
    source = write(folder / "in.jsonl", rows)
    make(source, folder / "out.csv", [answered("\r")] * len(rows), AnswerColumns.of(None, "answer"))
    assert read(folder / "out.csv") == [{**row, "answer": "\r", "finish_reason": "stop"} for row in rows]


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        ([1, "1", None], "string", ["1", '"1"', None]),
        ([1, True], "string", ["1", "true"]),
        ([2**53 + 1, 0.5], "string", [str(2**53 + 1), "0.5"]),
        ([2**64 - 1, 1], "uint64", None),
        ([2**70, 1], "string", [str(2**70), "1"]),
        (["\ud800", "a"], "string", ['"\\ud800"', '"a"']),
        ([{}, {"a": 1}], "struct<a: int64>", [{"a": None}, {"a": 1}]),
        ([{}], "string", ["{}"]),
        ([{str(n): n} for n in range(300)], "string", [json.dumps({str(n): n}) for n in range(300)]),
        ([None], "string", None),
    ],
)
def test_a_column_of_json_keeps_its_values_in_parquet(
    tmp_path: Path, values: list[Any], kind: str, texts: list[Any] | None
) -> None:
    source = write(tmp_path / "in.jsonl", [{"x": value} for value in values])
    answers = [answered("y")] * len(values)
    make(source, tmp_path / "out.parquet", answers, AnswerColumns.of(None, "answer"))
    column = pq.read_table(tmp_path / "out.parquet")["x"]
    assert (str(column.type), column.to_pylist()) == (kind, values if texts is None else texts)


def test_columns_of_errors_that_the_input_has_stay(tmp_path: Path, output: Path) -> None:
    source = write(tmp_path / "in.csv", [{"error_code": "mine", "id": "1"}])
    make(source, output, [FAILED], AnswerColumns.of(None, "answer"))
    (row,) = read(failures_path(output))
    assert (row["error_code"], row["error_code_2"]) == ("mine", "context_length_exceeded")
    assert row["error_message"] == "Too long."


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_names_that_an_output_cannot_keep_apart_are_refused(ending: str) -> None:
    with pytest.raises(BulkError, match=r"one name in|is not UTF-8"):
        outputs.check_names(Path(f"out{ending}"), ["?", "\ud800"])
    outputs.check_names(Path("out.jsonl"), ["?", "\ud800"])


def test_a_row_group_with_texts_as_views_is_split_where_rows_failed(tmp_path: Path, output: Path) -> None:
    texts = [f"a text that is longer than twelve bytes, {n}" for n in range(6)]
    pq.write_table(pa.table({"x": pa.array(texts, pa.string_view())}), tmp_path / "in.parquet")
    answers = [FAILED if n in (0, 3, 4) else answered("y") for n in range(6)]
    make(tmp_path / "in.parquet", output, answers, AnswerColumns.of(None, "answer"))
    assert [row["x"] for row in read(output)] == [texts[n] for n in (1, 2, 5)]
    assert [row["x"] for row in read(failures_path(output))] == [texts[n] for n in (0, 3, 4)]


def test_dictionaries_of_many_chunks_become_one_column(tmp_path: Path) -> None:
    words = [f"word {n // 100}" for n in range(3 * ROWS)]
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"x": pa.array(words).dictionary_encode()}), source, row_group_size=500)
    make(source, tmp_path / "out.parquet", [answered("y")] * len(words), AnswerColumns.of(None, "answer"))
    assert pq.read_table(tmp_path / "out.parquet")["x"].to_pylist() == words
