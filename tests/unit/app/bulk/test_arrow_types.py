"""Whatever Arrow holds becomes JSONL, CSV and Parquet, and what is written can be read."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bulk.answer import Answer
from app.bulk.assemble import assemble, failures_path
from app.bulk.column_types import is_json
from app.bulk.columns import AnswerColumns
from app.bulk.inputs import Input
from app.bulk.json_text import to_json
from app.bulk.natives import natives
from app.bulk.output_types import checked
from app.bulk.row_groups import Batch
from tests.support.arrow_columns import FACTORIES, MOST_ROWS, Column, column

GOOD, BAD = Answer(text="x", finish_reason="stop"), Answer(code="template_error", message="No.")
WITHOUT_A_FACTORY = {"Type_INTERVAL_MONTHS", "Type_INTERVAL_DAY_TIME"}


def test_every_type_of_the_installed_pyarrow_is_tried() -> None:
    """A type that a later pyarrow adds has to be added to the factories of these tests, and to docs/bulk.md."""
    numbers = {name: getattr(pa.lib, name) for name in dir(pa.lib) if name.startswith("Type_")}
    extensions = {
        each for each in vars(pa).values() if isinstance(each, type) and issubclass(each, pa.BaseExtensionType)
    } - {pa.BaseExtensionType, pa.ExtensionType, pa.UnknownExtensionType}
    kinds: list[pa.DataType] = []

    @given(st.data(), st.sampled_from(sorted(FACTORIES)))
    @settings(max_examples=20 * len(FACTORIES))
    def draw(data: st.DataObject, name: str) -> None:
        kinds.append(column(data.draw, name, rows=1, depth=1).array.type)

    draw()
    seen = {kind.id for kind in kinds}
    assert {name for name, number in numbers.items() if number not in seen} == WITHOUT_A_FACTORY
    assert extensions == {type(kind) for kind in kinds if isinstance(kind, pa.BaseExtensionType)}


def finite(value: Any) -> Any:
    return json.loads(to_json(value))


@pytest.mark.parametrize("name", sorted(FACTORIES))
@given(data=st.data())
@settings(max_examples=12)
def test_values_of_every_type_are_written_as_every_kind_and_read_again(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    rows = data.draw(st.integers(1, MOST_ROWS))
    drawn = column(data.draw, name, rows=rows)
    first = data.draw(st.integers(0, rows - 1))
    drawn = Column(drawn.array.slice(first), drawn.values[first:])
    batch = Batch(pa.record_batch([pa.array(range(len(drawn.values))), drawn.array], names=["id", "x"]))
    answers = data.draw(st.lists(st.sampled_from([GOOD, BAD]), min_size=len(batch), max_size=len(batch)))
    good = [value for value, answer in zip(drawn.values, answers, strict=True) if not answer.failed]
    bad = [value for value, answer in zip(drawn.values, answers, strict=True) if answer.failed]
    assert len(natives(drawn.array)) == len(drawn.values)

    folder = tmp_path_factory.mktemp("types")
    schema = checked(lambda: iter([batch]), batch.batch.schema)
    for ending in (".jsonl", ".csv", ".parquet"):
        output = folder / f"out{ending}"
        assemble(
            [batch], iter(answers), names=("id", "x"), schema=schema, columns=AnswerColumns.of(None, "answer"),
            output=output, folder=folder, num_failed=len(bad),
        )  # fmt: skip
        assert_holds(output, good)
        if bad:
            assert_holds(failures_path(output), bad)
    assert schema.field("x").type == (drawn.array.type if parquet_holds(drawn.array) else schema.field("x").type)


def assert_holds(path: Path, values: list[Any]) -> None:
    source = Input.find(path)
    assert source.survey().num_rows == len(values)
    read = [row["x"] for chunk in source.chunks() for row in chunk.forms()]
    if path.suffix == ".jsonl":
        assert read == finite(values)
    elif path.suffix == ".csv":
        assert read == list(map(cell, values))
    elif is_json(pq.read_schema(path).field("x")):
        assert [each if each is None else json.loads(each) for each in read] == finite(values)
    else:
        assert finite(read) == finite(values)


def cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return to_json(value)


def parquet_holds(array: pa.Array) -> bool:
    """Whether pyarrow gives the column back as it was, asked without our code."""
    file = io.BytesIO()
    try:
        pq.write_table(pa.table([array], names=["x"]), file)
        read = pq.read_table(file)["x"].combine_chunks()
    except (pa.ArrowException, OSError):
        return False
    return bool(read.type == array.type and read.equals(array))
