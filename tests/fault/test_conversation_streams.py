"""llama-server's resumable streams, while the processes behind them are killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.cluster import Cluster
from tests.support.conversation_streams import begin, resumed
from tests.support.waiting import until


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    cluster.start()
    yield cluster
    cluster.stop()


def is_ready(cluster: Cluster) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return cluster.http.get("/readyz").status_code == 200
    return False


@pytest.mark.parametrize("program", ["demo-1", "web"])
def test_a_stream_goes_on_at_its_byte_after_a_process_was_killed(cluster: Cluster, program: str) -> None:
    job_id, read = begin(cluster, "killed", most=1200, max_tokens=200, ignore_eos=True)
    cluster.kill(program)
    until(lambda: is_ready(cluster), seconds=60, what="the front answers")
    rest = resumed(cluster, "killed", len(read))
    assert read + rest == resumed(cluster, "killed")
    assert rest.endswith(b"data: [DONE]\n\n")
    assert cluster.job(job_id)["usage"]["completion_tokens"] == 200
