"""A job's trace is whole, whatever becomes of its workers, and a collector that is away costs nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.cluster import Cluster, chat
from tests.support.collector import Collector, Seen
from tests.support.receiver import LOOPBACK, SECRET, Receiver, Reply
from tests.support.redis_server import free_port
from tests.support.waiting import until

CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{CALLER[0]}-{CALLER[1]}-01"
MODELS = "models: {demo: {path: demo, slots: 4, context: 1024, kv_tokens: 4096}}"
STORY = chat("Tell me a long story about a llama.", temperature=0, max_tokens=900, ignore_eos=True)
SLACK = 0.002
"""Seconds: times of a transition have milliseconds, and clocks are told of over a connection."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Cluster]:
    webhooks = {"CARAVAN_WEBHOOK_SECRET": SECRET, "CARAVAN_WEBHOOK_NETWORKS": LOOPBACK}
    secret = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20of-the-collector"}
    env = {**collector.environment, **webhooks, **secret, "CARAVAN_LOG_FORMAT": "json"}
    running = Cluster(tmp_path_factory.mktemp("traces"), models=MODELS, env=env)
    running.start()
    yield running
    running.stop()
    assert running.processes() == []


def root_of(collector: Collector, job_id: str) -> Seen:
    """A job's own span, once it is there."""

    def found() -> list[Seen]:
        return [span for span in list(collector.spans) if span.attributes.get("caravan.job.id") == job_id]

    until(lambda: any(span.kind == "internal" for span in found()), seconds=20, what="the job's span comes")
    (root,) = (span for span in found() if span.kind == "internal")
    return root


def expired(cluster: Cluster) -> str:
    """A job whose time was over in the line, however fast its worker is."""
    assert cluster.http.post("/queues/demo/pause").status_code == 200
    try:
        job_id = str(cluster.submit({**STORY, "timeout": 1})["id"])
        until(lambda: cluster.job(job_id)["status"] == "expired", seconds=30, what="the job expires")
    finally:
        cluster.http.post("/queues/demo/resume")
    return job_id


def test_the_whole_tree_is_there_after_a_worker_was_killed(cluster: Cluster, collector: Collector) -> None:
    response = cluster.http.post("/jobs", json=STORY, headers={"traceparent": TRACEPARENT, "tracestate": "vendor=1"})
    assert response.headers["traceresponse"].startswith(f"00-{CALLER[0]}-")
    job_id = response.json()["id"]
    until(lambda: cluster.job(job_id)["status"] == "running")
    time.sleep(0.1)
    os.kill(cluster.pid_of("tasks.worker"), signal.SIGKILL)
    until(lambda: cluster.job(job_id)["status"] == "succeeded", seconds=60)

    (http,) = collector.named("POST /jobs", CALLER[0])
    assert (http.kind, http.parent) == ("server", CALLER[1])
    assert http.attributes["http.route"] == "/jobs"
    assert http.attributes["http.response.status_code"] == 202
    assert response.headers["traceresponse"] == f"00-{CALLER[0]}-{http.span_id}-01"

    (root,) = collector.named("chat demo", CALLER[0])
    assert root.parent == http.span_id
    told = root.attributes
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == told["gen_ai.response.model"] == "demo"
    assert told["gen_ai.request.max_tokens"] == told["gen_ai.usage.output_tokens"] == 900
    assert told["gen_ai.usage.input_tokens"] > 0
    assert told["gen_ai.response.finish_reasons"] == ["length"]
    assert told["caravan.job.status"] == "succeeded"
    assert told["caravan.attempts"] == 2

    waits = collector.named("queue", CALLER[0], count=2)
    died, ended = collector.named("attempt", CALLER[0], count=2)
    (publish,) = collector.named("publish", CALLER[0])
    assert {span.parent for span in (*waits, died, ended, publish)} == {root.span_id}
    assert died.failed
    assert died.attributes["error.type"] == "worker_died"
    assert died.attributes["caravan.worker"] == "demo-1"
    assert not ended.failed
    assert not root.failed
    (prefill,) = collector.named("prefill", CALLER[0])
    (decode,) = collector.named("decode", CALLER[0])
    assert prefill.parent == decode.parent == ended.span_id
    assert prefill.attributes["gen_ai.usage.input_tokens"] == told["gen_ai.usage.input_tokens"]
    assert decode.attributes["caravan.tokens_per_second"] > 0

    inside = [root, waits[0], died, waits[1], ended]
    assert [span.start for span in inside] == sorted(span.start for span in inside)
    for span in (*waits, died, ended):
        assert root.start <= span.start <= span.end <= root.end + SLACK
    for span in (prefill, decode):
        assert ended.start - SLACK <= span.start <= span.end <= ended.end + SLACK
    assert "llama" not in json.dumps([dict(span.attributes) for span in collector.of(CALLER[0])])
    assert {span.resource["service.name"] for span in collector.of(CALLER[0])} == {"caravan"}
    assert {headers["authorization"] for headers in collector.headers} == {"Bearer of-the-collector"}
    assert "of-the-collector" not in cluster.told()


def test_logs_of_a_traced_job_have_its_trace(cluster: Cluster) -> None:
    lines = [json.loads(line) for line in cluster.log().splitlines() if f'"{CALLER[0]}"' in line]
    assert {"job accepted", "request answered", "job claimed", "job ended"} <= {line["event"] for line in lines}


def test_a_job_that_is_cancelled_in_the_line_has_a_trace_that_ends(cluster: Cluster, collector: Collector) -> None:
    assert cluster.http.post("/queues/demo/pause").status_code == 200
    try:
        job_id = cluster.submit(chat("Hello"))["id"]
        assert cluster.http.post(f"/jobs/{job_id}/cancel").status_code == 200
    finally:
        cluster.http.post("/queues/demo/resume")
    root = root_of(collector, job_id)
    assert root.attributes["caravan.job.status"] == "cancelled"
    assert not root.failed
    for name in ("POST /jobs", "chat demo", "queue"):  # of two processes, which send when they like
        collector.named(name, root.trace_id)
    assert len(collector.of(root.trace_id)) == 3, "no worker has had it"


def test_a_job_that_expires_ends_as_a_failure(cluster: Cluster, collector: Collector) -> None:
    job_id = expired(cluster)
    root = root_of(collector, job_id)
    assert root.attributes["error.type"] == "deadline_exceeded"
    assert root.failed


def test_a_stream_s_request_lasts_as_long_as_its_body(cluster: Cluster, collector: Collector) -> None:
    asked = {**STORY, "max_tokens": 200, "stream": True}
    headers = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    with httpx.stream("POST", f"{cluster.url}/v1/chat/completions", json=asked, headers=headers, timeout=60) as stream:
        assert "[DONE]" in stream.read().decode()
    (http,) = collector.named("POST /v1/chat/completions", "1" * 32)
    (decode,) = collector.named("decode", "1" * 32)
    assert http.end >= decode.end


def test_a_caller_that_does_not_sample_has_no_spans(cluster: Cluster, collector: Collector) -> None:
    response = cluster.http.post("/jobs", json=chat("Hi"), headers={"traceparent": f"00-{'3' * 32}-{'2' * 16}-00"})
    assert response.headers["traceresponse"].endswith("-00")
    cluster.job(response.json()["id"], wait=30)
    time.sleep(2)
    assert collector.of("3" * 32) == []


def test_a_webhook_is_a_span_of_its_job_s_trace_and_carries_it(
    cluster: Cluster, collector: Collector, receiver: Receiver
) -> None:
    job_id = cluster.submit({**chat("Hello"), "webhook": receiver.url})["id"]
    until(lambda: len(receiver.requests) == 1, seconds=30)
    root = root_of(collector, job_id)
    (sent,) = collector.named("POST", root.trace_id)
    assert receiver.requests[0].headers["traceparent"] == f"00-{root.trace_id}-{sent.span_id}-01"
    assert (sent.parent, sent.kind) == (root.span_id, "client")


def test_lines_of_a_batch_have_traces_that_are_linked_to_the_call_that_made_it(
    cluster: Cluster, collector: Collector
) -> None:
    lines = [
        {"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": chat(f"{n}")} for n in (1, 2)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    file = cluster.http.post("/v1/files", files={"file": ("in.jsonl", content)}, data={"purpose": "batch"}).json()
    asked = {"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    made = cluster.http.post("/v1/batches", json=asked, headers={"traceparent": f"00-{'4' * 32}-{'2' * 16}-01"})
    batch = made.json()["id"]

    def roots() -> list[Seen]:
        return [span for span in list(collector.spans) if span.attributes.get("caravan.request.id") == batch]

    until(lambda: len(roots()) == len(lines), seconds=30)
    assert {span.links for span in roots()} == {("4" * 32,)}
    assert {span.parent for span in roots()} == {""}
    collector.named("POST /v1/batches", "4" * 32)


def test_a_retried_job_is_a_job_of_the_call_that_retried_it(cluster: Cluster, collector: Collector) -> None:
    job_id = expired(cluster)
    first = root_of(collector, job_id)
    headers = {"traceparent": f"00-{'5' * 32}-{'2' * 16}-01"}
    assert cluster.http.post(f"/jobs/{job_id}/retry", headers=headers).status_code == 202
    (again,) = collector.named("chat demo", "5" * 32)
    assert again.attributes["caravan.job.id"] == job_id
    assert again.start >= first.end
    collector.named("POST /jobs/<job_id>/retry", "5" * 32)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_collector_that_is_away_or_hangs_delays_no_job_and_no_stop(tmp_path: Path, hangs: bool) -> None:
    with Receiver(lambda number, request: Reply(seconds=60)) as silent:
        url = silent.url if hangs else f"http://127.0.0.1:{free_port()}"
        env = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        cluster = Cluster(tmp_path, models=MODELS, env=env)
        try:
            cluster.start()
            began = time.monotonic()
            for _ in range(20):
                answer = cluster.http.post("/v1/chat/completions", json={**chat("Hello"), "max_tokens": 4})
                assert answer.status_code == 200
            assert time.monotonic() - began < 20
        finally:
            began = time.monotonic()
            cluster.stop()
        assert time.monotonic() - began < 15
        assert cluster.processes() == []
