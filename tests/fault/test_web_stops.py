"""Web processes that stop gracefully: reloads and rolling restarts."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.cluster import Cluster, chat
from tests.support.processes import children
from tests.support.waiting import until


@contextmanager
def one_web_process(folder: Path, *, drain_seconds: int) -> Iterator[Cluster]:
    env = {"CARAVAN_WEB_PROCESSES": "1", "CARAVAN_DRAIN_SECONDS": str(drain_seconds)}
    running = Cluster(folder, env=env)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with one_web_process(tmp_path, drain_seconds=1) as running:
        yield running


def replace_web_worker(cluster: Cluster, number: signal.Signals) -> None:
    """Have the one process that answers end by a signal, and wait for its successor."""
    master = next(pid for pid in cluster.processes() if children(pid) and "web" in arguments(pid))
    (worker,) = children(master)
    os.kill(worker, number)
    until(lambda: children(master) not in ([], [worker]), what="another web process is there")


def arguments(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def answers(cluster: Cluster) -> bool:
    try:
        return cluster.http.get("/healthz").status_code == 200
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGABRT])
def test_the_successor_of_a_web_process_that_ended_answers(cluster: Cluster, number: signal.Signals) -> None:
    replace_web_worker(cluster, number)
    assert {cluster.http.get("/healthz").status_code for _ in range(10)} == {200}
    assert "caravan_http_requests_total" in cluster.http.get("/metrics").text


def test_a_web_process_that_stops_cancels_no_job(cluster: Cluster) -> None:
    cluster.http.post("/queues/demo/pause").raise_for_status()
    body = json.dumps(chat("Hello", stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", cluster.port)) as reader:
        reader.sendall(head.encode() + body)
        until(lambda: cluster.http.get("/jobs").json()["data"][0]["status"] == "queued", what="the job is accepted")
        replace_web_worker(cluster, signal.SIGTERM)
        reader.settimeout(20)
        assert reader.recv(1) in (b"", b"H")
        while reader.recv(4096):
            pass
    job = cluster.http.get("/jobs").json()["data"][0]
    assert job["status"] == "queued"
    cluster.http.post("/queues/demo/resume").raise_for_status()
    assert cluster.job(job["id"], wait=30)["status"] == "succeeded"


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose web process waits long for its last requests."""
    with one_web_process(tmp_path, drain_seconds=60) as running:
        yield running


def test_an_idle_connection_holds_up_no_stop_and_a_busy_one_does(patient: Cluster) -> None:
    patient.http.post("/queues/demo/pause").raise_for_status()
    job = patient.submit(chat("Hello"))
    master = next(pid for pid in patient.processes() if children(pid) and "web" in arguments(pid))
    (worker,) = children(master)
    busy, idle = (http.client.HTTPConnection("127.0.0.1", patient.port, timeout=20) for _ in range(2))
    with closing(busy), closing(idle):
        busy.request("GET", f"/jobs/{job['id']}?wait=4")
        idle.request("GET", "/healthz")
        assert idle.getresponse().read()
        assert idle.sock is not None
        os.kill(worker, signal.SIGTERM)
        assert idle.sock.recv(1) == b""
        assert worker in children(master)
        assert busy.getresponse().status == 200
    until(lambda: worker not in children(master), what="the web process has ended")
    patient.http.post("/queues/demo/resume").raise_for_status()
    assert patient.job(job["id"], wait=30)["status"] == "succeeded"
