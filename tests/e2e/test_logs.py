"""The logs of a whole cluster: one form, one request's id from the answer's header to its webhook, and no secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.fronts import ADMIN_KEY, bearer
from tests.support.receiver import LOOPBACK, SECRET, Receiver, Reply
from tests.support.waiting import until

MODELS = "models: {demo: {path: demo, slots: 4, context: 256, kv_tokens: 1024}}"
PROMPT = "What is 12 + 7? My password is swordfish."
CELERYS = "worker: Warm shutdown"
"""What its handler of the signal writes to standard output."""
ALONG_THE_WAY = ("job accepted", "request answered", "job claimed", "job ended")


@pytest.fixture(scope="module")
def logging_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(
        tmp_path_factory.mktemp("logs"),
        models=MODELS,
        env={
            "CARAVAN_THREADS": "1",
            "CARAVAN_KEYS": "true",
            "CARAVAN_ADMIN_KEY": ADMIN_KEY,
            "CARAVAN_WEBHOOK_SECRET": SECRET,
            "CARAVAN_WEBHOOK_NETWORKS": LOOPBACK,
            "CARAVAN_WEBHOOK_SCHEDULE": "0.2,0.2",
            "CARAVAN_LOG_LEVEL": "debug",
        },
    )
    running.http.headers.update(bearer(ADMIN_KEY))
    running.start()
    yield running
    running.stop()
    assert running.processes() == []
    output = running.told()
    for secret in (ADMIN_KEY, SECRET, "token=secret", "swordfish", "12 + 7 = 19"):
        assert secret not in output
    assert [line for line in programs(running) if not json.loads(line)["event"]] == []


def programs(cluster: Cluster) -> list[str]:
    """The whole lines of our own programs: not those of Redis."""
    logs = {path.stem: path.read_text() for path in (cluster.data / "logs").glob("*.log")}
    ours = [line for name, log in logs.items() if name != "redis" for line in log[: log.rfind("\n") + 1].splitlines()]
    return [line for line in ours if line and not line.startswith(CELERYS)]


def lines(cluster: Cluster, **keys: str) -> list[dict[str, Any]]:
    """The events with these keys, in order."""
    events = sorted((json.loads(line) for line in programs(cluster)), key=lambda event: str(event["timestamp"]))
    return [event for event in events if keys.items() <= event.items()]


def ours(cluster: Cluster, request_id: str, *wanted: str) -> list[dict[str, Any]]:
    """Our own events about a request, once those that are wanted are there; libraries may say more at this level."""

    def found() -> list[dict[str, Any]] | None:
        told = [
            event for event in lines(cluster, request_id=request_id) if event["logger"].startswith(("app.", "tasks."))
        ]
        return told if {event["event"] for event in told} >= set(wanted) else None

    return until(found, what="the lines are there")


def test_one_request_is_followed_through_web_worker_and_webhook(logging_cluster: Cluster) -> None:
    with Receiver(lambda number, _: Reply(503 if number < 1 else 204)) as receiver:
        body = chat(PROMPT, webhook=receiver.url + "?token=secret")
        answer = logging_cluster.http.post("/jobs", json=body)
        request_id, job_id = answer.headers["X-Request-Id"], answer.json()["id"]
        until(lambda: logging_cluster.job(job_id)["webhook"]["status"] == "delivered", what="the webhook is delivered")
    told = ours(logging_cluster, request_id, *ALONG_THE_WAY, "webhook not taken", "webhook sent")
    assert {event["job_id"] for event in told if event["event"] != "request answered"} == {job_id}
    (answered,) = (event for event in told if event["event"] == "request answered")
    assert (answered["method"], answered["path"], answered["status"]) == ("POST", "/jobs", 202)
    assert (answered["level"], answered["owner"]) == ("info", "admin")
    assert {event["origin"] for event in told if "origin" in event} == {f"http://127.0.0.1:{receiver.port}"}


def test_a_request_keeps_the_id_that_its_client_gave(logging_cluster: Cluster) -> None:
    body = chat(PROMPT, stream=True)
    with logging_cluster.http.stream(
        "POST", "/v1/chat/completions", json=body, headers={"X-Request-Id": "mine-1"}
    ) as answer:
        job_id = answer.headers["X-Job-Id"]
        assert answer.read()
    told = ours(logging_cluster, "mine-1", *ALONG_THE_WAY)
    assert {event["job_id"] for event in told} == {job_id}


def test_a_cancelled_job_is_followed_as_well(logging_cluster: Cluster) -> None:
    body = chat("Tell me a long story about an owl.", ignore_eos=True, max_tokens=200, n=4)
    job = logging_cluster.http.post("/jobs", json=body, headers={"X-Request-Id": "mine-2"}).json()
    until(lambda: any(event.event == "token" for event in sse.read(logging_cluster.http, job["id"])))
    logging_cluster.http.post(f"/jobs/{job['id']}/cancel", headers={"X-Request-Id": "mine-3"})
    (lost,) = until(lambda: lines(logging_cluster, event="job lost", job_id=job["id"]), what="the worker says so")
    assert (lost["request_id"], lost["status"]) == ("mine-2", "cancelled")
    (cancelled,) = lines(logging_cluster, event="job cancelled")
    assert (cancelled["request_id"], cancelled["job_id"]) == ("mine-3", job["id"])


def test_probes_and_scrapes_are_quiet_and_query_strings_are_not_logged(logging_cluster: Cluster) -> None:
    for path in ("/healthz", "/metrics", "/queues?password=swordfish", "/nowhere"):
        logging_cluster.http.get(path)
    told = until(lambda: lines(logging_cluster, event="request answered", path="/nowhere"), what="the line is there")
    assert (told[0]["status"], told[0]["level"]) == (404, "info")
    assert {event["level"] for event in lines(logging_cluster, path="/healthz")} == {"debug"}
    assert {event["level"] for event in lines(logging_cluster, path="/metrics")} == {"debug"}
    assert {event["level"] for event in lines(logging_cluster, path="/queues")} == {"info"}


def test_celery_gunicorn_and_flower_write_the_same_form(logging_cluster: Cluster) -> None:
    loggers = {event["logger"].split(".")[0] for event in lines(logging_cluster)}
    assert {"app", "tasks", "celery", "flower"} <= loggers
    assert all({"event", "level", "logger", "timestamp"} <= event.keys() for event in lines(logging_cluster))
