"""Webhooks through a real cluster: accepted, sent, verified and shown; or refused in words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.receiver import LOOPBACK, SECRET, Receiver, Reply
from tests.support.waiting import until

MODELS = "models: {demo: {path: demo, slots: 4, context: 256, kv_tokens: 1024}}"


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that sends webhooks, to this machine too."""
    running = Cluster(
        tmp_path_factory.mktemp("telling"),
        models=MODELS,
        env={
            "CARAVAN_THREADS": "1",
            "CARAVAN_WEBHOOK_SECRET": SECRET,
            "CARAVAN_WEBHOOK_NETWORKS": LOOPBACK,
            "CARAVAN_WEBHOOK_SCHEDULE": "0.2,0.2,0.2",
        },
    )
    running.start()
    yield running
    running.stop()
    assert running.processes() == []
    assert "token=secret" not in running.told()
    assert SECRET not in running.told()


def test_the_end_of_a_job_is_told_and_verified(telling: Cluster) -> None:
    with Receiver(lambda number, _: Reply(503 if number < 2 else 204)) as receiver:
        body = chat("What is 12 + 7?", metadata={"sheet": "4"}, webhook=receiver.url + "?token=secret")
        accepted = telling.submit(body)
        origin = f"http://127.0.0.1:{receiver.port}"
        assert accepted["webhook"] == {
            "origin": origin, "status": "pending", "attempts": 0, "next_at": None, "last_status": None,
            "last_error": None,
        }  # fmt: skip
        until(lambda: telling.job(accepted["id"])["webhook"]["status"] == "delivered", what="it is delivered")
        job = telling.job(accepted["id"])
        assert job["webhook"] == {**accepted["webhook"], "status": "delivered", "attempts": 3, "last_status": 204}
        messages = [request.verified() for request in receiver.requests]
    assert [message == messages[0] for message in messages] == [True] * 3
    assert messages[0]["type"] == "job.succeeded"
    data = messages[0]["data"]
    assert data == {field: job[field] for field in data}
    assert (data["metadata"], data["usage"]["completion_tokens"]) == ({"sheet": "4"}, 7)
    assert telling.http.get(data["urls"]["self"]).json()["result"]["choices"][0]["message"]["content"] == "12 + 7 = 19."
    assert "token=secret" not in "".join(str(event) for event in sse.read(telling.http, job["id"]))


def test_jobs_that_are_cancelled_and_run_again_are_told_of_each_time(telling: Cluster) -> None:
    long = {"ignore_eos": True, "max_tokens": 200}
    with Receiver() as receiver:
        job_id = telling.submit(chat("Tell me a long story about an owl.", webhook=receiver.url, **long))["id"]
        telling.http.post(f"/jobs/{job_id}/cancel")
        until(lambda: len(receiver.requests) == 1, what="the first end is told")
        telling.http.post(f"/jobs/{job_id}/retry")
        until(lambda: len(receiver.requests) == 2, what="the second end is told")
        first, second = receiver.requests
    assert [first.verified()["type"], second.verified()["type"]] == ["job.cancelled", "job.succeeded"]
    assert first.message_id != second.message_id


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/", "must begin with https:// or http://"),
        ("https://user:hunter2@example.com/", "not have a user or password"),
        ("https://example.com:22/", "port must be 80, 443 or"),
        ("http://10.0.0.1/", "CARAVAN_WEBHOOK_NETWORKS"),
        ("http://169.254.169.254/latest/meta-data", "CARAVAN_WEBHOOK_NETWORKS"),
        ("http://[::1]:8080/", "CARAVAN_WEBHOOK_NETWORKS"),
        ("https://example.com/" + "a" * 3000, "2048 characters"),
        (7, "valid string"),
    ],
)
def test_a_webhook_that_cannot_be_sent_is_refused_by_name(telling: Cluster, url: str | int, words: str) -> None:
    response = telling.http.post("/jobs", json=chat("Hello", webhook=url))
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], words in error["message"]) == ("webhook", True), error
    assert "hunter2" not in response.text


def test_a_server_without_a_secret_says_what_to_set(cluster: Cluster) -> None:
    response = cluster.http.post("/jobs", json=chat("Hello", webhook="https://example.com/"))
    assert response.status_code == 400
    assert "CARAVAN_WEBHOOK_SECRET" in response.json()["error"]["message"]
    assert cluster.submit(chat("Hello", max_tokens=1, webhook=None))["webhook"] is None


def test_only_jobs_have_webhooks(telling: Cluster) -> None:
    response = telling.http.post("/v1/chat/completions", json=chat("Hello", webhook="https://example.com/"))
    assert response.json()["error"]["code"] == "unknown_parameter"
