"""Redis is there and takes no writes, or not all: what was accepted ends, and nobody falls over."""

from __future__ import annotations

import time

from tasks.records.job import JobStatus
from tests.support.cluster import Cluster
from tests.support.crew import Ledger, assert_whole, fake_body
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

SPARE_BYTES = 100_000


def test_full_memory_refuses_new_jobs_while_accepted_ones_end(
    cluster: Cluster, server: RedisServer, ledger: Ledger
) -> None:
    late = ledger.find(cluster.submit({**fake_body("late", tokens=480), "timeout": 6})["id"])
    jobs = [ledger.find(cluster.submit(fake_body(f"{number}"))["id"]) for number in range(20)]
    until(lambda: ledger.all_run(jobs[:15]))
    used = int(ledger.redis.info("memory")["used_memory"])
    ledger.redis.config_set("maxmemory", used + SPARE_BYTES)
    while (answer := cluster.http.post("/jobs", json=fake_body("one more", tokens=5))).status_code == 202:
        jobs.append(ledger.find(answer.json()["id"]))
        time.sleep(0.1)
    ledger.redis.config_set("maxmemory", used // 2)  # it stays full, whatever is freed
    done = ledger.ended(jobs)
    for refused in (answer, cluster.http.post("/jobs", json=fake_body("one more"))):
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "broker_unavailable")
    for job in done:
        assert job.deaths == ()
        assert_whole(ledger.events(job), job)
    assert ledger.ended([late])[0].status is JobStatus.EXPIRED, "the sweep works even then"
    ledger.redis.config_set("maxmemory", 0)
    (later,) = ledger.ended([ledger.find(cluster.submit(fake_body("later", tokens=5))["id"])])
    assert_whole(ledger.events(later), later)


def test_writes_that_are_refused_for_four_seconds_end_no_job(
    cluster: Cluster, server: RedisServer, ledger: Ledger
) -> None:
    jobs = [ledger.find(cluster.submit(fake_body(f"{number}"))["id"]) for number in range(20)]
    until(lambda: ledger.all_run(jobs[:16]))
    ledger.redis.config_set("min-replicas-to-write", 1)
    until_then = time.monotonic() + 4
    while time.monotonic() < until_then:
        refused = cluster.http.post("/jobs", json=fake_body("x"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "broker_unavailable")
        time.sleep(0.2)
    ledger.redis.config_set("min-replicas-to-write", 0)
    for job in ledger.ended(jobs):
        assert job.deaths == ()
        assert_whole(ledger.events(job), job)
