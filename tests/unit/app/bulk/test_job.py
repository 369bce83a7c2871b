"""A whole run against a server that is a few lines: what is found out before the first row, and what is kept."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.bulk import outputs
from app.bulk.asking import Question, Template
from app.bulk.choice import Choice
from app.bulk.errors import BulkError
from app.bulk.job import BulkJob
from app.bulk.journal import Tally
from app.bulk.report import Lines
from app.bulk.run import Limits
from caravan_client import AsyncClient, Job
from caravan_client.events import StreamedEvent
from tests.support.datasets import read, write

ROWS: list[dict[str, Any]] = [{"q": "What is 1 + 1?", "x": 1}, {"q": "What is 2 + 2?", "x": None}]


class Server:
    """Answers every row with the same text."""

    def __init__(self, text: str = "2", finish_reason: str = "stop") -> None:
        self.text, self.finish_reason = text, finish_reason
        self.asked: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def together(self) -> Self:
        return self

    async def run(self, body: dict[str, Any], *, idempotency_key: str) -> Job:
        self.asked.append(json.loads(json.dumps(body, allow_nan=False)))
        choice = {"text": self.text, "finish_reason": self.finish_reason}
        job = {"id": idempotency_key, "model": "demo", "status": "succeeded", "finished_at": 1.0}
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        return Job.from_wire({**job, "result": {"choices": [choice]}, "usage": usage})

    async def submit(self, body: dict[str, Any], *, idempotency_key: str) -> str:
        return idempotency_key

    async def stream(self, job: str) -> AsyncIterator[StreamedEvent]:
        yield StreamedEvent("1-1", "token", {"index": 0, "text": ""})

    async def delete(self, ids: Sequence[str]) -> None:
        pass

    async def call(self, *_: object) -> dict[str, Any]:
        return {"data": []}


def run(
    source: Path, output: Path, server: Server, *, schema: dict[str, Any] | None = None, prompt: str = "{{ q }}",
    messages: str | None = None, options: dict[str, Any] | None = None, column: str = "answer",
) -> Tally:  # fmt: skip
    question = Question(
        model="demo", prompt=None if messages else Template(prompt, "--prompt"), messages_column=messages,
        schema=schema, options=options or {},
    )  # fmt: skip
    job = BulkJob(
        source=source, stdin=io.BytesIO(), stdin_kind="jsonl", output=output, question=question, column=column,
        choice=Choice(), limits=Limits(8, 9, False), restart=False, asked={},
    )  # fmt: skip
    tally = job(cast("Callable[[], AsyncClient]", lambda: server), Lines())
    assert isinstance(tally, Tally)
    return tally


ODD = {
    "id": pa.array([uuid.uuid4().bytes], pa.uuid()),
    "took": pa.array([1], pa.duration("ns")),
    "at": pa.array([[1]], pa.list_(pa.timestamp("ns"))),
    "far": pa.array([2**62], pa.int64()).view(pa.timestamp("ms")),
    "view": pa.array(["x"], pa.string_view()),
    "bad": pa.array([b"\xff"], pa.binary()).view(pa.string()),
    "kind": pa.array([1.5]).dictionary_encode(),
}


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("name", ODD)
def test_a_column_that_nobody_asks_for_stops_no_run(tmp_path: Path, name: str, ending: str) -> None:
    pq.write_table(pa.table({"q": ["What is 1 + 1?"], name: ODD[name]}), tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / f"out{ending}", Server())
    if ending != ".parquet":
        assert [row["answer"] for row in read(tmp_path / f"out{ending}")] == ["2"]
    kept = pq.read_schema(tmp_path / "in.parquet").field(name).type
    assert ending != ".parquet" or pq.read_schema(tmp_path / f"out{ending}").field(name).type == kept


def test_messages_of_parquet_may_hold_what_json_does_not(tmp_path: Path) -> None:
    message = {"role": "user", "content": "Hi", "score": float("nan"), "at": 1}
    chat = pa.array([[message]], pa.list_(pa.struct([
        ("role", pa.string()), ("content", pa.string()), ("score", pa.float64()), ("at", pa.timestamp("ns")),
    ])))  # fmt: skip
    pq.write_table(pa.table({"chat": chat}), tmp_path / "in.parquet")
    server = Server()
    run(tmp_path / "in.parquet", tmp_path / "out.jsonl", server, messages="chat")
    assert server.asked[0]["messages"] == [{"role": "user", "content": "Hi", "at": "1970-01-01T00:00:00"}]


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        ('{"q": 1, "q": 2}', {}, "two columns of one name"),
        ("", {}, "The input is empty"),
        ('{"q": "a", "answer": 1}', {}, "has a column answer already"),
        ('{"q": "a", "\\ud800": 1}', {}, "is not UTF-8"),
        ('{"q": "a"}', {"schema": {"type": "integer"}, "options": {"stop": ["3"]}}, "--stop would cut JSON"),
        ('{"q": "a", "label": 1}', {"schema": {"$ref": "#/$defs/R", "$defs": {"R": {"properties": {"label": {}}}}}},
         "has a column label already"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_before_a_row_is_asked(
    tmp_path: Path, rows: str, options: dict[str, Any], told: str
) -> None:
    (tmp_path / "in.jsonl").write_text(rows + "\n")
    server = Server()
    with pytest.raises(BulkError, match=told):
        run(tmp_path / "in.jsonl", tmp_path / "out.parquet", server, **options)
    assert server.asked == []
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_prompt_without_columns_needs_none(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("{}\n{}\n")
    for ending in (".jsonl", ".csv", ".parquet"):
        run(tmp_path / "in.jsonl", tmp_path / f"out{ending}", Server(), prompt="Tell me a number.")
        assert [row["answer"] for row in read(tmp_path / f"out{ending}")] == ["2", "2"]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_rows_whose_json_was_cut_have_failed(tmp_path: Path, ending: str) -> None:
    schema = {"$ref": "#/$defs/R", "$defs": {"R": {"type": "object", "properties": {"label": {"type": "string"}}}}}
    source = write(tmp_path / "in.jsonl", ROWS)
    assert run(source, tmp_path / f"cut{ending}", Server('{ "label', "length"), schema=schema).num_failed == 2
    assert [row["error_code"] for row in read(tmp_path / f"cut.failed{ending}")] == ["answer_cut"] * 2
    run(source, tmp_path / f"out{ending}", Server('{"label": "good"}'), schema=schema)
    assert [row["label"] for row in read(tmp_path / f"out{ending}")] == ["good"] * 2


def test_the_file_of_failures_is_an_input(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", ROWS)
    schema = {"type": "integer"}
    run(source, tmp_path / "first.csv", Server("1", "length"), schema=schema)
    run(tmp_path / "first.failed.csv", tmp_path / "second.csv", Server("1", "length"), schema=schema)
    (row, _) = read(tmp_path / "second.failed.csv")
    assert (row["q"], row["error_code"]) == ("What is 1 + 1?", "answer_cut")
    assert list(row) == ["q", "x", "error_code", "error_message"]
    run(tmp_path / "second.failed.csv", tmp_path / "third.csv", Server("12"), schema=schema)
    assert [row["answer"] for row in read(tmp_path / "third.csv")] == ["12", "12"]
    assert list(read(tmp_path / "third.csv")[0]) == ["q", "x", "answer"]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("error", [pa.ArrowNotImplementedError("no such type"), OSError(28, "No space left on device"),
                                   TypeError("no such value")])  # fmt: skip
def test_answers_outlive_an_output_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, error: Exception
) -> None:
    source, output, server = write(tmp_path / "in.jsonl", ROWS), tmp_path / f"out{ending}", Server()

    def fails(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(outputs._WRITERS[ending], "end", fails)
        with pytest.raises(BulkError, match="Cannot write"):
            run(source, output, server)
    assert not output.exists()
    assert len(server.asked) == 2
    run(source, output, server)
    assert len(server.asked) == 2, "no row is asked again"
    assert [row["answer"] for row in read(output)] == ["2", "2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", output.name]
