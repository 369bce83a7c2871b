"""`caravan bulk run` against a real cluster."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.bulk import PROMPT, BulkCommand, reviews, small_files
from tests.support.cluster import Cluster
from tests.support.datasets import read, write
from tests.support.waiting import until

QUESTIONS = [{"id": n, "a": n % 20, "b": n // 20} for n in range(60)]
SUM = ["--prompt", "What is {{ a }} + {{ b }}?"]


def right(row: dict[str, Any]) -> str:
    return f"{row['a']} + {row['b']} = {int(row['a']) + int(row['b'])}."


def leftovers(cluster: Cluster) -> list[str]:
    jobs = cluster.http.get("/jobs", params={"limit": 100}).json()["data"]
    return [job["id"] for job in jobs if job["priority"] == "low"]


def known_jobs(cluster: Cluster) -> set[str]:
    return {job["id"] for job in cluster.http.get("/jobs", params={"limit": 100}).json()["data"]}


def test_a_thousand_reviews_get_a_thousand_right_labels(cluster: Cluster, tmp_path: Path) -> None:
    source = reviews(tmp_path / "reviews.csv", 1000)
    before = cluster.accepted()
    command = BulkCommand(cluster, source, tmp_path / "out.parquet", *PROMPT)
    ended = command.run()
    assert ended.returncode == 0, ended.stderr
    rows = read(command.output)
    assert [row["id"] for row in rows] == [str(n) for n in range(1, 1001)]
    assert [row["answer"] for row in rows] == [row["sentiment"] for row in rows]
    assert cluster.accepted() - before <= 128, "alike rows are asked about once"
    assert leftovers(cluster) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "reviews.csv"]
    again = command.run()
    assert again.returncode == 1
    assert "exists already" in again.stderr


def test_without_dedup_every_row_is_asked_about(cluster: Cluster, tmp_path: Path) -> None:
    source = reviews(tmp_path / "reviews.csv", 200)
    before = cluster.accepted()
    command = BulkCommand(cluster, source, tmp_path / "out.csv", *PROMPT, "--no-dedup")
    assert command.run().returncode == 0
    assert cluster.accepted() - before == 200
    assert all(row["answer"] == row["sentiment"] for row in read(command.output))
    assert leftovers(cluster) == []


@pytest.mark.parametrize("output", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("source", [".jsonl", ".csv", ".parquet"])
def test_every_kind_of_input_becomes_every_kind_of_output(
    cluster: Cluster, tmp_path: Path, source: str, output: str
) -> None:
    path = write(tmp_path / f"in{source}", QUESTIONS)
    command = BulkCommand(cluster, path, tmp_path / f"out{output}", *SUM)
    ended = command.run()
    assert ended.returncode == 0, ended.stderr
    rows = read(command.output)
    assert [int(row["id"]) for row in rows] == list(range(60))
    assert [row["answer"] for row in rows] == [right(row) for row in QUESTIONS]
    assert {row["finish_reason"] for row in rows} == {"stop"}


def test_a_folder_and_standard_input_are_inputs(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "1.csv", QUESTIONS[:20])
    write(tmp_path / "in" / "2.jsonl", QUESTIONS[20:])
    command = BulkCommand(cluster, tmp_path / "in", tmp_path / "out.jsonl", *SUM)
    assert command.run().returncode == 0
    assert [row["answer"] for row in read(command.output)] == [right(row) for row in QUESTIONS]
    text = write(tmp_path / "all.csv", QUESTIONS).read_bytes()
    piped = BulkCommand(cluster, "-", tmp_path / "piped.jsonl", *SUM, "--format", "csv", "--limit", "5")
    ended = piped.run(stdin=text)
    assert ended.returncode == 0, ended.stderr
    assert [row["answer"] for row in read(piped.output)] == [right(row) for row in QUESTIONS[:5]]


def test_a_sample_is_always_the_same(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", QUESTIONS)
    ids = []
    for name in ("one", "two"):
        command = BulkCommand(cluster, source, tmp_path / f"{name}.jsonl", *SUM, "--sample", "7")
        assert command.run().returncode == 0
        ids.append([row["id"] for row in read(command.output)])
    assert ids[0] == ids[1] == sorted(ids[0])
    assert len(ids[0]) == 7


def test_a_schema_fills_columns(cluster: Cluster, tmp_path: Path) -> None:
    schema = {
        "type": "object", "required": ["label", "sure"], "additionalProperties": False,
        "properties": {"label": {"enum": ["positive", "negative"]}, "sure": {"type": "boolean"}},
    }  # fmt: skip
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    source = reviews(tmp_path / "reviews.csv", 40)
    command = BulkCommand(
        cluster, source, tmp_path / "out.parquet", *PROMPT, "--schema", str(tmp_path / "schema.json"),
        "--max-tokens", "64",
    )  # fmt: skip
    ended = command.run()
    assert ended.returncode == 0, ended.stderr
    table = pq.read_table(command.output)
    assert [str(table.schema.field(name).type) for name in ("label", "sure")] == ["string", "bool"]
    assert set(table["label"].to_pylist()) <= {"positive", "negative"}
    assert table.num_rows == 40


def test_messages_may_come_from_a_column(cluster: Cluster, tmp_path: Path) -> None:
    chats = [{"chat": [{"role": "user", "content": f"What is {n} + 1?"}]} for n in range(5)]
    for name, rows in (("in.jsonl", chats), ("in.parquet", chats),
                       ("in.csv", [{"chat": json.dumps(row["chat"])} for row in chats])):  # fmt: skip
        source = write(tmp_path / name, rows)
        command = BulkCommand(cluster, source, tmp_path / f"out.{name}.jsonl", "--messages-column", "chat",
                              "--system", "You are a helpful assistant.")  # fmt: skip
        ended = command.run()
        assert ended.returncode == 0, ended.stderr
        assert [row["answer"] for row in read(command.output)] == [f"{n} + 1 = {n + 1}." for n in range(5)]


def test_rows_that_fail_go_to_a_file_of_their_own(cluster: Cluster, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [*QUESTIONS[:10], {"id": 10, "a": "1 " * 2000, "b": 1}, {"id": 11}, *QUESTIONS[12:20]]
    source = write(tmp_path / "in.jsonl", rows)
    command = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM)
    ended = command.run()
    assert ended.returncode == 0, ended.stderr
    assert "2 rows failed" in ended.stderr
    assert [row["id"] for row in read(command.output)] == [str(n) for n in range(20) if n not in (10, 11)]
    failed = read(tmp_path / "out.failed.csv")
    assert [(row["id"], row["error_code"]) for row in failed] == [
        ("10", "context_length_exceeded"), ("11", "template_error"),
    ]  # fmt: skip


def test_more_failures_than_allowed_stop_the_run_and_it_goes_on_with_more(cluster: Cluster, tmp_path: Path) -> None:
    rows = [{"a": 1, "b": 2} if n % 3 else {} for n in range(30)]
    source = write(tmp_path / "in.jsonl", rows)
    command = BulkCommand(cluster, source, tmp_path / "out.jsonl", *SUM, "--max-failures", "4")
    ended = command.run()
    assert ended.returncode == 1
    assert "--max-failures allows 4" in ended.stderr
    assert not command.output.exists()
    more = BulkCommand(cluster, source, tmp_path / "out.jsonl", *SUM, "--max-failures", "10").run()
    assert more.returncode == 0, more.stderr
    assert len(read(command.output)) == 20


@pytest.mark.parametrize("num_rows", [1, 10, 100])
def test_an_input_whose_rows_all_fail_ends_and_its_file_of_failures_does_so_too(
    cluster: Cluster, tmp_path: Path, num_rows: int
) -> None:
    source = write(tmp_path / "in.csv", [{"id": n, "text": "word " * 2000} for n in range(num_rows)])
    for name, path in (("out", source), ("again", tmp_path / "out.failed.csv")):
        ended = BulkCommand(cluster, path, tmp_path / f"{name}.csv", *PROMPT).run()
        assert ended.returncode == 0, ended.stderr
        assert f"{num_rows} row" in ended.stderr
        failed = read(tmp_path / f"{name}.failed.csv")
        assert [(row["id"], row["error_code"]) for row in failed] == [
            (str(n), "context_length_exceeded") for n in range(num_rows)
        ]
        assert list(failed[0]) == ["id", "text", "error_code", "error_message"]
    assert leftovers(cluster) == []


def test_failed_rows_are_asked_again_into_the_same_output_also_by_a_command_that_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The answers are cut, and not when there may be more of them."""
    (tmp_path / "schema.json").write_text(json.dumps({"type": "object", "required": ["label"], "properties": {
        "label": {"enum": ["positive", "negative"]},
    }}))  # fmt: skip
    source = reviews(tmp_path / "reviews.csv", 120)
    options = [*PROMPT, "--no-dedup", "--schema", str(tmp_path / "schema.json"), "--max-tokens"]
    output = tmp_path / "out.csv"
    ended = BulkCommand(cluster, source, output, *options, "2").run()
    assert ended.returncode == 0, ended.stderr
    assert "120 rows failed" in ended.stderr
    before = cluster.accepted()
    command = BulkCommand(cluster, source, output, *options, "64", "--retry-failed")
    process = command.start()
    until(lambda: "retries" in (command.progress / "run.json").read_text(), what="it has begun")
    until(lambda: cluster.accepted() > before, what="a row is asked")
    process.kill()
    process.wait()
    ended = command.run()
    assert ended.returncode == 0, ended.stderr
    assert cluster.accepted() - before == 120, "no row is asked twice"
    assert [row["id"] for row in read(output)] == [str(n) for n in range(1, 121)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.log", "reviews.csv", "schema.json"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--prompt", "{{ nothing }}"], "There is no column nothing. There are id, text, sentiment."),
        (["--prompt", "{{ text"], "--prompt, line 1"),
        ([*PROMPT, "--column", "text"], "has a column text already"),
        ([*PROMPT, "-m", "none"], "There is no model 'none'"),
        ([], "Give one of --prompt, --prompt-file and --messages-column."),
        ([*PROMPT, "-o", "out.txt"], "must end in"),
        ([*PROMPT, "--schema", "/dev/null"], "is not a JSON schema: it is not JSON from line 1, column 1 on."),
        ([*PROMPT, "--set", "ignore_eoss=true"], "'ignore_eoss' is not a parameter"),
        ([*PROMPT, "--set", 'logit_bias={"999999999": 1}'], "Correct --set logit_bias"),
        ([*PROMPT, "--system", "word " * 2000], "maximum context length"),
    ],
)
def test_what_cannot_be_run_is_told_at_once(cluster: Cluster, tmp_path: Path, options: list[str], told: str) -> None:
    left = leftovers(cluster)
    command = BulkCommand(cluster, reviews(tmp_path / "in.csv", 5), tmp_path / "out.csv", *options)
    ended = command.run()
    assert ended.returncode != 0
    assert told in ended.stderr
    assert not command.output.exists()
    assert not command.progress.exists()
    assert "resume" not in ended.stderr
    assert leftovers(cluster) == left, "no row's job is left"


def test_another_prompt_is_refused_until_told_to_begin_anew(cluster: Cluster, tmp_path: Path) -> None:
    source = reviews(tmp_path / "in.csv", 300)
    command = BulkCommand(cluster, source, tmp_path / "out.csv", *PROMPT, "--no-dedup")
    process = command.start()
    until(command.num_done, what="rows are answered")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert "Run the same command to resume." in command.log.read_text()
    other = BulkCommand(cluster, source, command.output, "--prompt", "Sentiment of: {{ text }}", "--no-dedup")
    refused = other.run()
    assert refused.returncode == 1
    assert "The run in out.csv.progress had other options or another input: --prompt." in refused.stderr
    assert f"that it has answered, none would be kept and {command.num_done()} would be asked anew" in refused.stderr
    assert "Run the same command" not in refused.stderr
    whole = source.read_text()
    source.write_text(whole.replace(",positive", " Fine.,positive").replace(",negative", " Bad.,negative"))
    refused = command.run()
    assert refused.returncode == 1
    assert "another input: the input." in refused.stderr
    source.write_text(whole)
    assert BulkCommand(cluster, source, command.output, *PROMPT, "--restart").run().returncode == 0
    assert all(row["answer"] == row["sentiment"] for row in read(command.output))


def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_room(cluster: Cluster, tmp_path: Path) -> None:
    source = reviews(tmp_path / "in.csv", 400)
    command = BulkCommand(cluster, source, tmp_path / "out.jsonl", *PROMPT)
    for most_bytes in (2000, 44_000):  # room for a part of the answers, then for all of them and not for the output
        ended = command.run(before=small_files(most_bytes))
        assert ended.returncode == 1
        assert "File too large" in ended.stderr
        assert "Run the same command to resume." in ended.stderr
        assert not command.output.exists()
    assert command.num_done() == 400
    before = cluster.accepted()
    assert command.run().returncode == 0
    assert cluster.accepted() == before
    assert [row["answer"] for row in read(command.output)] == [row["sentiment"] for row in read(source)]


def test_on_a_terminal_there_is_a_bar_and_elsewhere_there_are_lines(cluster: Cluster, tmp_path: Path) -> None:
    source = reviews(tmp_path / "in.csv", 50)
    lines = BulkCommand(cluster, source, tmp_path / "lines.csv", *PROMPT).run()
    assert lines.stdout == ""
    assert "50 of 50 rows" in lines.stderr
    assert "\x1b" not in lines.stderr
    command = BulkCommand(cluster, source, tmp_path / "bar.csv", *PROMPT, env={"TERM": "xterm", "COLUMNS": "120"})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command._arguments, env=command._env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if select.select([ours], [], [], 0.1)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # EIO: the other side is closed
                break
    os.close(ours)
    assert process.wait(20) == 0
    assert b"50 of 50 rows" in shown
    assert b"\x1b[" in shown


def test_many_jobs_are_deleted_in_one_call(cluster: Cluster) -> None:
    ids = [cluster.submit({"model": "demo", "prompt": "Hi", "max_tokens": 2})["id"] for _ in range(3)]
    answer = cluster.http.post("/jobs/delete", json={"ids": [*ids, "none"]})
    assert answer.json() == {"object": "list.deleted", "deleted": 3}
    assert all(cluster.http.get(f"/jobs/{each}").status_code == 404 for each in ids)
    wrong: dict[str, Any]
    for wrong in ({}, {"ids": []}, {"ids": "x"}, {"ids": [1]}, {"ids": ["a"] * 1001}, {"ids": ids, "all": True}):
        assert cluster.http.post("/jobs/delete", json=wrong).status_code == 400


def test_a_file_of_semicolons_and_a_prompt_of_a_file_are_run(cluster: Cluster, tmp_path: Path) -> None:
    source, prompt = tmp_path / "in.csv", tmp_path / "prompt.txt"
    source.write_text('id;note;a;b\n1;"x, y; z";3;4\n2;"";5;6\n')
    prompt.write_text("What is {{ a }} + {{ b }}?\n")
    ended = BulkCommand(cluster, source, tmp_path / "out.csv", "--prompt-file", str(prompt)).run()
    assert ended.returncode == 0, ended.stderr
    assert "2 rows, 4 columns (id, note, a, b) separated by semicolons." in ended.stderr
    assert [(row["note"], row["answer"]) for row in read(tmp_path / "out.csv")] == [
        ("x, y; z", "3 + 4 = 7."),
        ("", "5 + 6 = 11."),
    ]
    named = BulkCommand(cluster, source, tmp_path / "named.csv", *SUM, "--delimiter", "semicolon").run()
    assert named.returncode == 0, named.stderr
    assert (tmp_path / "named.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()
    both = BulkCommand(cluster, source, tmp_path / "both.csv", *SUM, "--prompt-file", str(prompt)).run()
    assert "Give one of --prompt, --prompt-file and --messages-column." in both.stderr
    prompt.write_text("{{ a")
    broken = BulkCommand(cluster, source, tmp_path / "broken.csv", "--prompt-file", str(prompt)).run()
    assert f"{prompt}, line 1" in broken.stderr
    bad = BulkCommand(cluster, source, tmp_path / "bad.csv", *SUM, "--delimiter", "ab").run()
    assert (bad.returncode, "--delimiter: give one character" in bad.stderr) == (2, True)


def test_a_preview_shows_the_first_rows_and_leaves_the_run_as_it_is(cluster: Cluster, tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", [*QUESTIONS[:5], {"id": 5, "a": 1}, *QUESTIONS[6:]])
    before, accepted, jobs = sorted(tmp_path.iterdir()), cluster.accepted(), known_jobs(cluster)
    options = ["--prompt", "What is {{ a }} + {{ b }}?", "--max-tokens", "16"]
    shown = BulkCommand(cluster, source, tmp_path / "out.csv", *options, "--preview", "6").run()
    assert shown.returncode == 0, shown.stderr
    assert cluster.accepted() - accepted == 5
    assert "-- row 2 of 60\nuser: What is 1 + 0?\nanswer: 1 + 0 = 1.\n" in shown.stdout
    place = "line 1, column 19, in {{ b }}"
    assert f"-- row 6 of 60\nfailed, template_error: --prompt, {place}: there is no 'b'." in shown.stdout
    assert "row 7" not in shown.stdout
    assert "Asked 6 of 60 rows, and wrote nothing." in shown.stderr
    assert sorted(tmp_path.iterdir()) == before
    assert known_jobs(cluster) == jobs
    assert BulkCommand(cluster, source, tmp_path / "plain.csv", *options).run().returncode == 0
    command = BulkCommand(cluster, source, tmp_path / "out.csv", *options)
    cluster.http.post("/queues/demo/pause").raise_for_status()
    process = command.start()
    until(lambda: (command.progress / "run.json").exists(), what="it has begun")
    process.kill()
    process.wait()
    cluster.http.post("/queues/demo/resume").raise_for_status()
    assert BulkCommand(cluster, source, command.output, *options, "--preview", "1").run().returncode == 0
    assert command.run().returncode == 0
    assert command.output.read_bytes() == (tmp_path / "plain.csv").read_bytes()


def test_a_preview_that_is_interrupted_leaves_no_job(cluster: Cluster, tmp_path: Path) -> None:
    source, jobs = write(tmp_path / "in.jsonl", QUESTIONS), known_jobs(cluster)
    cluster.http.post("/queues/demo/pause").raise_for_status()
    try:
        command = BulkCommand(cluster, source, tmp_path / "out.csv", *SUM, "--preview", "3")
        process = command.start()
        until(lambda: len(known_jobs(cluster) - jobs) == 3, what="the rows are asked")
        until(lambda: "-- row 1" in command.log.read_text(), what="it waits for the first one")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert known_jobs(cluster) == jobs
    finally:
        cluster.http.post("/queues/demo/resume").raise_for_status()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.log"]
