"""A queue at its limit under a flood of submits, and how good the estimates are by which jobs wait.

    python -m tests.bench.overload --rate 1000 --seconds 10

Prints how often each status came and how fast, how the cluster's health answered meanwhile, and the median error of
`eta_seconds` over jobs of very different lengths.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.cluster import Cluster, chat

LIMIT = 100
MODELS = "models: {demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192}}"
JOBS = 80


def main() -> None:
    """Start a cluster, flood it, measure its estimates, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=1000, help="submits a second")
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {"CARAVAN_MAX_QUEUE": str(LIMIT), "CARAVAN_THREADS": "1", "CARAVAN_LOG_LEVEL": "warning"}
        cluster = Cluster(Path(folder), models=MODELS, env=env)
        cluster.start()
        try:
            cluster.http.post("/queues/demo/pause")
            asyncio.run(flood(cluster.url, options.rate, options.seconds))
            cluster.http.post("/queues/demo/resume")
            while cluster.http.get("/queues").json()["data"][0]["oldest_age_seconds"]:
                time.sleep(0.2)
            estimates(cluster)
        finally:
            cluster.stop()


async def flood(url: str, rate: int, seconds: int) -> None:
    """Submit at a steady rate, whatever becomes of it; look at the health meanwhile."""
    statuses: Counter[int | str] = Counter()
    times: list[float] = []
    health: list[float] = []
    retries: Counter[str] = Counter()
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=400)) as http:

        async def submit() -> None:
            began = time.perf_counter()
            try:
                async with http.post("/jobs", json=chat("Hello")) as response:
                    await response.read()
                    statuses[response.status] += 1
                    retries[response.headers.get("Retry-After", "none")] += 1
            except aiohttp.ClientError as exc:
                statuses[type(exc).__name__] += 1
            times.append(time.perf_counter() - began)

        async def look() -> None:
            while True:
                began = time.perf_counter()
                async with http.get("/readyz") as response:
                    statuses[f"ready {response.status}"] += 1
                health.append(time.perf_counter() - began)
                await asyncio.sleep(0.2)

        watching = asyncio.create_task(look())
        began, sent = time.perf_counter(), []
        for number in range(rate * seconds):
            sent.append(asyncio.create_task(submit()))
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        await asyncio.gather(*sent)
        taken = time.perf_counter() - began
        watching.cancel()
    print(f"{rate * seconds} submits in {taken:.1f} s: {dict(statuses)}; Retry-After {dict(retries)}")
    print(f"seconds to an answer: {told(times)}; of /readyz: {told(health)}")


def estimates(cluster: Cluster) -> None:
    """Ask for jobs of 5 to 200 tokens, and compare when they were to begin with when they did."""
    rng, errors, waits = random.Random(1), [], []
    submitted: list[dict[str, Any]] = []
    for _ in range(JOBS):
        body = chat("Tell me a story.", max_tokens=rng.randint(5, 200), ignore_eos=True)
        submitted.append(cluster.submit(body))
    at = time.time()
    guesses = {job["id"]: cluster.job(job["id"])["eta_seconds"] for job in submitted}
    for job in submitted:
        guess, ended = guesses[job["id"]], cluster.job(job["id"], wait=60)
        wait = ended["started_at"] - at
        if guess is not None and wait > 0:
            errors.append(abs(guess - wait))
            waits.append(wait)
    median = statistics.median(errors)
    print(f"{len(errors)} jobs that waited {told(waits)} s: the estimates' median error is {median:.1f} s")


def told(seconds: list[float]) -> str:
    """Median, 99th percentile and maximum."""
    ranked = sorted(seconds)
    return f"p50 {ranked[len(ranked) // 2]:.3f}, p99 {ranked[int(len(ranked) * 0.99)]:.3f}, max {ranked[-1]:.3f}"


if __name__ == "__main__":
    main()
