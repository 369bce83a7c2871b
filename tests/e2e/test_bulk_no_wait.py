"""`caravan bulk run --no-wait`: the server carries the run on."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.bulk import BulkCommand
from tests.support.cluster import Cluster
from tests.support.datasets import read, write
from tests.support.waiting import until

ROWS: list[dict[str, Any]] = [{"id": n, "a": n % 20, "b": n // 20} for n in range(40)]
SUM = ["--prompt", "What is {{ a }} + {{ b }}?", "--max-tokens", "16"]


def ids(cluster: Cluster) -> set[str]:
    """Those of all batches."""
    return {batch["id"] for batch in cluster.http.get("/v1/batches", params={"limit": 100}).json()["data"]}


def files(cluster: Cluster) -> set[str]:
    return {file["id"] for file in cluster.http.get("/v1/files").json()["data"]}


def note(command: BulkCommand) -> Path:
    return command.progress / "batch.json"


@contextmanager
def paused(cluster: Cluster) -> Iterator[None]:
    cluster.http.post("/queues/demo/pause").raise_for_status()
    try:
        yield
    finally:
        cluster.http.post("/queues/demo/resume").raise_for_status()


def test_rows_that_are_handed_in_come_back_as_a_run_writes_them(cluster: Cluster, tmp_path: Path) -> None:
    source = write(
        tmp_path / "in.jsonl", [*ROWS[:5], {"id": 5, "a": 1}, *ROWS[6:39], {"id": 39, "a": "word " * 2000, "b": 1}]
    )
    plain = BulkCommand(cluster, source, tmp_path / "plain.csv", *SUM)
    assert plain.run().returncode == 0
    before, kept = ids(cluster), files(cluster)
    away = BulkCommand(cluster, source, tmp_path / "away.csv", *SUM, "--no-wait")
    handed = away.run()
    assert handed.returncode == 0, handed.stderr
    assert "The same command without --no-wait fetches the answers." in handed.stderr
    assert {handed.stdout.strip()} == ids(cluster) - before
    assert not away.output.exists()
    again = away.run()
    assert (again.returncode, again.stdout) == (0, handed.stdout)
    assert len(ids(cluster) - before) == 1
    fetched = BulkCommand(cluster, source, away.output, *SUM).run()
    assert fetched.returncode == 0, fetched.stderr
    assert away.output.read_bytes() == plain.output.read_bytes()
    assert (tmp_path / "away.failed.csv").read_bytes() == (tmp_path / "plain.failed.csv").read_bytes()
    assert not note(away).exists()
    answers = [command.progress / "answers.jsonl" for command in (away, plain)]
    assert answers[0].read_bytes() == answers[1].read_bytes(), "with the same marks of what was asked"
    assert files(cluster) == kept, "nothing stays on the server"


def test_schema_and_seed_go_with_the_rows(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", ROWS[:3])
    schema = tmp_path / "schema.json"
    properties = {"label": {"enum": ["yes", "no"]}}
    closed = {"type": "object", "required": ["label"], "additionalProperties": False}
    schema.write_text(json.dumps({**closed, "properties": properties}))
    options = [*SUM[:2], "--schema", str(schema), "--max-tokens", "64", "--seed", "5", "--top-k", "2"]
    assert BulkCommand(cluster, source, tmp_path / "plain.jsonl", *options).run().returncode == 0
    assert BulkCommand(cluster, source, tmp_path / "away.jsonl", *options, "--no-wait").run().returncode == 0
    assert BulkCommand(cluster, source, tmp_path / "away.jsonl", *options).run().returncode == 0
    assert read(tmp_path / "away.jsonl") == read(tmp_path / "plain.jsonl")


def test_a_command_that_died_before_it_knew_the_batch_finds_it(cluster: Cluster, tmp_path: Path) -> None:
    source, before = write(tmp_path / "in.jsonl", ROWS), ids(cluster)
    command = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM, "--no-wait")
    made = command.run().stdout
    note(command).write_text(json.dumps({**json.loads(note(command).read_text()), "batch": None}))
    assert command.run().stdout == made
    note(command).write_text(json.dumps({**json.loads(note(command).read_text()), "batch": None}))
    assert BulkCommand(cluster, source, command.output, *SUM).run().returncode == 0
    assert len(read(command.output)) == 40
    assert len(ids(cluster) - before) == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_ends_while_it_waits_is_run_again(cluster: Cluster, tmp_path: Path, how: signal.Signals) -> None:
    source, before = write(tmp_path / "in.jsonl", ROWS), ids(cluster)
    with paused(cluster):
        assert BulkCommand(cluster, source, tmp_path / "out.csv", *SUM, "--no-wait").run().returncode == 0
        command = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM)
        process = command.start()
        until(lambda: command.log.exists() and "of 40 rows" in command.log.read_text(), what="it waits")
        process.send_signal(how)
        process.wait(20)
        if how is signal.SIGINT:
            assert "The server carries the run on. Run the same command to resume." in command.log.read_text()
    assert command.run().returncode == 0
    assert [row["id"] for row in read(command.output)] == [str(n) for n in range(40)]
    assert len(ids(cluster) - before) == 1


def test_a_restart_cancels_the_batch_and_a_cancelled_ones_rows_fail(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", ROWS)
    with paused(cluster):
        command = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM, "--no-wait")
        first = command.run().stdout.strip()
        restarted = BulkCommand(cluster, source, command.output, *SUM, "--no-wait", "--restart").run()
        assert restarted.returncode == 0, restarted.stderr
        second = restarted.stdout.strip()
        until(lambda: cluster.http.get(f"/v1/batches/{first}").json()["status"] == "cancelled", what="it is cancelled")
        cluster.http.post(f"/v1/batches/{second}/cancel").raise_for_status()
        ended = BulkCommand(cluster, source, command.output, *SUM).run()
    assert ended.returncode == 0, ended.stderr
    assert {row["error_code"] for row in read(tmp_path / "out.failed.csv")} == {"batch_cancelled"}


def test_a_corrected_command_cancels_the_batch_that_has_no_answer(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", ROWS)
    with paused(cluster):
        command = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM, "--no-wait")
        first = command.run().stdout.strip()
        other = ["--prompt", "What is {{ a }} - {{ b }}?", "--max-tokens", "16"]
        corrected = BulkCommand(cluster, source, command.output, *other, "--no-wait").run()
        assert corrected.returncode == 0, corrected.stderr
        assert f"The batch {first} of the run before is cancelled." in corrected.stderr
        until(lambda: cluster.http.get(f"/v1/batches/{first}").json()["status"] == "cancelled", what="it is cancelled")
    second = corrected.stdout.strip()
    until(lambda: cluster.http.get(f"/v1/batches/{second}").json()["status"] == "completed", what="it is done")
    changed = BulkCommand(cluster, source, command.output, *SUM).run()
    assert changed.returncode == 1
    assert f"the batch {second}, which has answered 40 of them. Fetch these answers" in changed.stderr
    assert BulkCommand(cluster, source, command.output, *other).run().returncode == 0
    assert len(read(command.output)) == 40


def test_rows_that_a_batch_did_not_run_are_handed_in_again(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", ROWS)
    command = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM)
    handing_in = BulkCommand(cluster, source, command.output, *SUM, "--no-wait")
    with paused(cluster):
        first = handing_in.run().stdout.strip()
        cluster.http.post(f"/v1/batches/{first}/cancel").raise_for_status()
        ended = command.run()
    assert "With --retry-failed the same command asks again what failed." in ended.stderr
    again = BulkCommand(cluster, source, command.output, *SUM, "--no-wait", "--retry-failed").run()
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() not in ("", first)
    assert command.run().returncode == 0
    assert [row["id"] for row in read(command.output)] == [str(n) for n in range(40)]
    assert not command.progress.exists()


def test_options_that_no_row_can_have_are_told_and_nothing_is_handed_in(cluster: Cluster, tmp_path: Path) -> None:
    source, before, kept = write(tmp_path / "in.jsonl", ROWS), ids(cluster), files(cluster)
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"label": {"type": "strung"}}}))
    for options, said in (
        (["--set", "foo=1"], "Correct --set foo."),
        (["--set", "top_k=x"], "Correct --top-k."),
        (["--schema", str(schema)], "strung"),
    ):
        refused = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM[:2], *options, "--no-wait")
        ended = refused.run()
        assert (ended.returncode, ended.stdout) == (1, "")
        assert said in ended.stderr
        assert not refused.progress.exists()
    assert (ids(cluster), files(cluster)) == (before, kept)


def test_a_batch_that_is_gone_is_told_and_forgotten(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", ROWS)
    refused = BulkCommand(cluster, source, tmp_path / "none.csv", *SUM, "-m", "none", "--no-wait")
    ended = refused.run()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "There is no model 'none'." in ended.stderr
    assert not refused.progress.exists()
    command = BulkCommand(cluster, source, tmp_path / "gone.csv", *SUM)
    assert BulkCommand(cluster, source, command.output, *SUM, "--no-wait").run().returncode == 0
    note(command).write_text(json.dumps({**json.loads(note(command).read_text()), "batch": "batch_none"}))
    assert "The next run asks its rows again." in command.run().stderr
    assert command.run().returncode == 0
    assert len(read(command.output)) == 40
    rules = BulkCommand(cluster, source, tmp_path / "x.csv", *SUM, "--no-wait", "--max-failures", "3").run()
    assert "--no-wait takes neither --max-failures nor --no-dedup" in rules.stderr
