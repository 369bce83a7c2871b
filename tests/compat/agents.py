"""A cluster that agents work with: its model says what a script has for it, and so calls their tools."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from app.cli.up.first_answer import QUESTION
from tasks.ledger import redis_keys
from tests.support.cluster import Cluster
from tests.support.waiting import until

MODEL = "agent"
ENTRY = {"path": "fake", "slots": 2, "context": 200_000, "kv_tokens": 400_000}
NOTE = "the harbour opens at noon"
TASK = "Tell me what is in the file note.txt"
ANSWER = "The note says that the harbour opens at noon."
STEP_SECONDS = 0.05
"""So an answer takes seconds, and there is a middle of it."""


def call(name: str, **arguments: str) -> str:
    """A tool call as the model writes it, with some words before it."""
    written = json.dumps({"name": name, "arguments": arguments})
    return f"I look at it.\n<tool_call>\n{written}\n</tool_call>"


@contextmanager
def cluster(folder: Path, *, looks: str) -> Iterator[Cluster]:
    """A cluster whose model answers `TASK` with `looks`, and the note with `ANSWER`."""
    script = folder / "script.json"
    said = {QUESTION: "The capital of France is Paris.", TASK: looks, NOTE: ANSWER}
    script.write_text(json.dumps([{"after": after, "say": say} for after, say in said.items()]))
    env = {
        "CARAVAN_FAKE_SCRIPT": str(script),
        "CARAVAN_FAKE_STEP_SECONDS": str(STEP_SECONDS),
        "CARAVAN_MAX_BODY_BYTES": str(4 << 20),
    }
    made = Cluster(folder, models=json.dumps({"models": {MODEL: ENTRY}}), env=env)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def through_a_kill(
    cluster: Cluster, command: Sequence[str], *, folder: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run an agent in a folder with the note; the worker is killed in the middle of its first answer."""
    folder.mkdir()
    (folder / "note.txt").write_text(f"{NOTE}\n")
    running = subprocess.Popen(
        [*command], cwd=folder, env={**os.environ, **env}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        until(lambda: running.poll() is not None or decoding(cluster), seconds=60, what="the model answers")
        cluster.kill("tasks.worker")
        out, errors = running.communicate(timeout=90)
    finally:
        running.kill()
    return subprocess.CompletedProcess(command, running.returncode, out, errors)


def decoding(cluster: Cluster) -> bool:
    """Whether a job has some of its tokens in its stream, and has not ended."""
    with redis.Redis.from_url(cluster.redis_url(), decode_responses=True) as client:
        running = client.zrange(redis_keys.running(MODEL), 0, -1)
        return any(client.xlen(redis_keys.log(str(job_id))) > 8 for job_id in running)


def resumed(cluster: Cluster) -> float:
    """Jobs that a worker took up at their next token."""
    return cluster.figures()[f'caravan_jobs_resumed_total{{model="{MODEL}"}}']
