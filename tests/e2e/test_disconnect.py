"""Clients of ``/v1`` that go away before they have their answer."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.support.cluster import Cluster, chat
from tests.support.waiting import until

LONG = 900


def go_away(cluster: Cluster, *, stream: bool, header: str = "", choices: int = 1) -> None:
    """Ask for a long answer, and close the connection once its job has begun."""
    asked = {"ignore_eos": True, "max_tokens": LONG, "n": choices, "stream": stream}
    body = json.dumps(chat("Tell me a long story about a bear.", **asked)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{header}\r\n"
    earlier = newest(cluster)["id"]
    with socket.create_connection(("127.0.0.1", cluster.port)) as connection:
        connection.sendall(head.encode() + body)
        until(lambda: newest(cluster)["id"] != earlier and newest(cluster)["started_at"], what="the job has begun")


def newest(cluster: Cluster) -> Any:
    """The last job; every cluster has answered one."""
    return cluster.http.get("/jobs", params={"limit": 1}).json()["data"][0]


@pytest.mark.parametrize("stream", [False, True])
def test_the_job_of_a_client_that_left_is_cancelled(cluster: Cluster, stream: bool) -> None:
    go_away(cluster, stream=stream, choices=8)
    job_id = newest(cluster)["id"]
    until(lambda: cluster.job(job_id)["status"] == "cancelled", what="the job is cancelled")


@pytest.mark.parametrize("stream", [False, True])
def test_the_job_goes_on_if_the_client_said_so(cluster: Cluster, stream: bool) -> None:
    go_away(cluster, stream=stream, header="X-On-Disconnect: continue\r\n")
    job = cluster.job(newest(cluster)["id"], wait=60)
    assert job["status"] == "succeeded"
    assert job["usage"]["completion_tokens"] == LONG


def test_another_wish_is_refused(cluster: Cluster) -> None:
    answer = cluster.http.post("/v1/chat/completions", json=chat("Hello"), headers={"X-On-Disconnect": "explode"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "X-On-Disconnect")
