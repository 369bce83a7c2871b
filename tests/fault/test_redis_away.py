"""Redis goes away and comes back: what was accepted ends, and streams wait and go on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import redis

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.crew import Ledger, assert_whole, fake_body
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

STORY = chat("Tell me a long story about a llama.", temperature=0, max_tokens=800, ignore_eos=True, n=4)


def test_streams_wait_for_redis_and_go_on(cluster: Cluster, server: RedisServer) -> None:
    job_id = cluster.submit(STORY)["id"]
    with ThreadPoolExecutor() as pool, httpx.Client(base_url=cluster.url, timeout=90) as http:
        events: list[sse.Received] = []
        watcher = pool.submit(lambda: events.extend(sse.read(http, job_id)))
        until(lambda: any(event.event == "token" for event in events), what="the watcher sees tokens")
        server.kill()
        began = time.monotonic()
        refused = cluster.http.post("/jobs", json=chat("Hello"))
        assert time.monotonic() - began < 3
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert refused.json()["error"]["code"] == "broker_unavailable"
        assert cluster.http.get("/healthz").status_code == 200
        assert cluster.http.get("/readyz").status_code == 503
        assert cluster.http.get("/v1/models").status_code == 200
        assert "caravan_redis_up 0" in cluster.http.get("/metrics").text
        time.sleep(4)
        server.start()
        watcher.result()
    job = cluster.job(job_id, wait=30)
    assert job["status"] == "succeeded"
    assert len({event.id for event in events}) == len(events)
    for choice in job["result"]["choices"]:
        assert sse.text(events, choice["index"]) == choice["message"]["content"]
    after = cluster.submit(chat("Count to 4."), Prefer="wait=30")
    assert after["result"]["choices"][0]["message"]["content"] == "1, 2, 3, 4."


def test_cut_connections_lose_and_double_nothing(cluster: Cluster, server: RedisServer) -> None:
    ids = [cluster.submit({**STORY, "n": 2, "max_tokens": 400})["id"] for _ in range(12)]
    client = redis.Redis(port=server.port)
    with ThreadPoolExecutor(len(ids)) as pool:
        watchers = [pool.submit(sse.watch, cluster.url, job_id) for job_id in ids]
        for _ in range(3):
            time.sleep(0.7)
            for kind in ("normal", "pubsub"):
                client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")  # type: ignore[no-untyped-call]
        streams = [watcher.result() for watcher in watchers]
    for job_id, events in zip(ids, streams, strict=True):
        job = cluster.job(job_id, wait=60)
        assert job["status"] == "succeeded", job
        assert len({event.id for event in events}) == len(events)
        for choice in job["result"]["choices"]:
            assert sse.text(events, choice["index"]) == choice["message"]["content"]
    until(lambda: client.zcard("caravan:pend:demo") == 0)
    client.close()


def test_ten_seconds_without_redis_end_no_job_and_let_nobody_wait(
    cluster: Cluster, server: RedisServer, ledger: Ledger
) -> None:
    jobs = [ledger.find(cluster.submit(fake_body(f"{number}"))["id"]) for number in range(16)]
    until(lambda: ledger.all_run(jobs), what="all jobs run")
    server.freeze()
    for absence in (server.kill, server.start):
        until_then = time.monotonic() + 5
        while time.monotonic() < until_then:
            began = time.monotonic()
            refused = cluster.http.post("/jobs", json=fake_body("x"))
            assert time.monotonic() - began < 3
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "broker_unavailable")
            time.sleep(0.2)
        absence()
    for job in ledger.ended(jobs):
        assert job.deaths == ()
        assert_whole(ledger.events(job), job)
    (later,) = ledger.ended([ledger.find(cluster.submit(fake_body("later", tokens=5))["id"])])
    assert_whole(ledger.events(later), later)
