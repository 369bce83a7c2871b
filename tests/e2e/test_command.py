"""The `caravan` command against a real cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.cluster import Cluster, chat


def run(cluster: Cluster, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env={**os.environ, "CARAVAN_URL": cluster.url},
        input=stdin, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_submit_prints_the_answer_alone_on_standard_output(cluster: Cluster) -> None:
    result = run(cluster, "submit", "What is the capital of Italy?")
    assert result.stdout == "The capital of Italy is Rome.\n"
    assert result.stderr.startswith("job ")


def test_submit_stream_shows_the_text_that_the_job_has(cluster: Cluster) -> None:
    result = run(cluster, "submit", "--stream", "--seed", "3", "Tell me a long story about a llama.")
    job_id = result.stderr.split()[1]
    assert result.stdout == cluster.job(job_id)["result"]["choices"][0]["message"]["content"] + "\n"
    assert run(cluster, "jobs", "watch", job_id).stdout == result.stdout


def test_submit_reads_standard_input_and_may_leave_at_once(cluster: Cluster) -> None:
    job_id = run(cluster, "submit", "--no-wait", "-", stdin="Count to 3.").stdout.strip()
    assert cluster.job(job_id, wait=10)["status"] == "succeeded"


def test_jobs_are_shown_listed_and_cancelled(cluster: Cluster) -> None:
    job_id = cluster.submit(chat("Tell me a long story about a goat.", ignore_eos=True, max_tokens=1000, n=16))["id"]
    assert run(cluster, "jobs", "cancel", job_id).stdout == f"{job_id} cancelled\n"
    assert json.loads(run(cluster, "jobs", "show", job_id).stdout)["status"] == "cancelled"
    assert job_id in run(cluster, "jobs", "list", "--status", "cancelled").stdout


def test_jobs_are_listed_by_what_they_are_with_their_errors(cluster: Cluster) -> None:
    late = chat("Tell me a long story.", ignore_eos=True, n=16, timeout=0.01, metadata={"run": "late"})
    job_id = cluster.submit(late)["id"]
    assert cluster.job(job_id, wait=20)["status"] == "expired"
    head, line = run(cluster, "jobs", "list", "--metadata", "run=late", "--created-after", "1h").stdout.splitlines()
    assert head.split() == ["ID", "STATUS", "ERROR", "MODEL", "TOKENS", "PRIORITY", "CREATED"]
    assert line.split()[:4] == [job_id, "expired", "deadline_exceeded", "demo"]
    assert run(cluster, "jobs", "list", "--metadata", "run=none").stdout == "No jobs.\n"
    assert run(cluster, "jobs", "list", "--created-before", "2020-01-01").stdout == "No jobs.\n"
    assert run(cluster, "jobs", "list", "--metadata", "run").returncode == 2
    assert "is no moment" in run(cluster, "jobs", "list", "--created-after", "noon").stderr


def test_errors_are_the_servers_own_words(cluster: Cluster) -> None:
    refused = run(cluster, "submit", "--model", "none", "Hello")
    assert refused.returncode == 1
    assert "There is no model 'none'" in refused.stderr
    assert run(cluster, "jobs", "cancel", "none").returncode == 1


def test_a_cluster_that_is_away_is_said_so() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "app.cli", "jobs", "list", "--url", "http://127.0.0.1:9"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "does not answer" in result.stderr
