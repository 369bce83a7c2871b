"""Owners with different weights who always have more to do, and how the tokens that they get follow the weights.

    python -m tests.bench.fairness --clients 200 --seconds 60

Meanwhile an owner with nothing else comes with one job now and then: printed is how long it waited, beside how long
jobs hold a slot; and one whose key allows 30 requests a minute and 2 jobs in flight asks all the time. Then `high` jobs
come one by one while 500 `low` ones wait.
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
from tests.support.fronts import ADMIN_KEY, bearer

WEIGHTS = {"alice": 1.0, "bob": 1.0, "carol": 2.0, "dave": 4.0}
SIZES = {"alice": (100, 200), "bob": (5, 40), "carol": (20, 80), "dave": (20, 120)}
"""Tokens of an answer, from and to: no two owners have jobs that are alike."""

LIMITED = {"requests_per_minute": 30, "jobs_in_flight": 2}
MODELS = "models: {demo: {path: demo, slots: 16, context: 512, kv_tokens: 8192}}"


def main() -> None:
    """Start a cluster with keys, keep it busy, and print who got what."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=200, help="all owners' together")
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {"CARAVAN_KEYS": "true", "CARAVAN_ADMIN_KEY": ADMIN_KEY, "CARAVAN_THREADS": "1"}
        cluster = Cluster(Path(folder), models=MODELS, env={**env, "CARAVAN_LOG_LEVEL": "warning"})
        cluster.start()
        try:
            asyncio.run(measure(cluster.url, options.clients, options.seconds))
            asyncio.run(go_before(cluster.url))
        finally:
            cluster.stop()


async def measure(url: str, num_clients: int, seconds: int) -> None:
    """Ask with all clients for so long, and print."""
    timeout, connector = aiohttp.ClientTimeout(total=300), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=connector) as http:
        keys = {owner: await key(http, owner, weight=weight) for owner, weight in WEIGHTS.items()}
        late, limited = await key(http, "late"), await key(http, "limited", **LIMITED)
        served: Counter[str] = Counter()
        held: list[float] = []
        until = time.monotonic() + seconds

        async def client(owner: str, number: int) -> None:
            rng = random.Random(f"{owner}{number}")
            while time.monotonic() < until:
                job = await ask(http, keys[owner], rng.randint(*SIZES[owner]))
                if time.monotonic() < until:
                    usage = job["usage"]
                    served[owner] += usage["total_tokens"] - usage["prompt_tokens_details"]["cached_tokens"]
                    held.append(job["timings"]["prefill_seconds"] + job["timings"]["decode_seconds"])

        async def come_late() -> list[float]:
            waits = []
            while time.monotonic() < until - 5:
                await asyncio.sleep(5)
                waits.append((await ask(http, late, 20))["timings"]["queue_seconds"])
            return waits

        async def press() -> Counter[int]:
            statuses: Counter[int] = Counter()
            while time.monotonic() < until:
                async with http.post("/jobs", json=chat("Hello"), headers=bearer(limited)) as response:
                    statuses[response.status] += 1
                await asyncio.sleep(0.1)
            return statuses

        clients = [client(owner, number) for owner in WEIGHTS for number in range(num_clients // len(WEIGHTS))]
        waits, statuses, *_ = await asyncio.gather(come_late(), press(), *clients)
    tell(served, held, waits)
    print(f"30 requests a minute and 2 jobs in flight, {seconds} s: {dict(statuses)}")


async def go_before(url: str) -> None:
    """Send urgent jobs while all slots are taken and many jobs wait, and print for how long they wait."""
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=300)) as http:
        secret = await key(http, "urgent")
        low = chat("Tell me a long story about a fox.", max_tokens=300, ignore_eos=True, priority="low")
        for _ in range(500):
            async with http.post("/jobs", json=low, headers=bearer(secret)) as response:
                response.raise_for_status()
        waits = []
        for _ in range(20):
            await asyncio.sleep(0.3)
            waits.append((await ask(http, secret, 20, priority="high"))["timings"]["queue_seconds"])
        async with http.get("/queues", headers=bearer(secret)) as response:
            (queue,) = (await response.json())["data"]
    print(f"{len(waits)} high jobs waited {statistics.median(waits):.3f} s, {max(waits):.3f} at most; {queue}")


async def key(http: aiohttp.ClientSession, owner: str, **limits: Any) -> str:
    async with http.post("/admin/keys", json={"name": owner, "limits": limits}, headers=bearer(ADMIN_KEY)) as response:
        return str((await response.json())["key"])


async def ask(http: aiohttp.ClientSession, secret: str, tokens: int, **options: str) -> dict[str, Any]:
    """A job that has succeeded."""
    body = chat("Tell me a long story about a fox.", max_tokens=tokens, ignore_eos=True, **options)
    headers = {**bearer(secret), "Prefer": "wait=120"}
    async with http.post("/jobs", json=body, headers=headers) as response:
        job: dict[str, Any] = await response.json()
    assert job.get("status") == "succeeded", job
    return job


def tell(served: Counter[str], held: list[float], waits: list[float]) -> None:
    total, weights = sum(served.values()), sum(WEIGHTS.values())
    print(f"{total} tokens of {len(held)} jobs")
    for owner, weight in WEIGHTS.items():
        share, promised = served[owner] / total, weight / weights
        print(f"{owner}: weight {weight:g}, {share:.3f} of the tokens, {share / promised:.3f} of what is promised")
    print(f"a job holds a slot for {statistics.median(held):.2f} s in the median, {max(held):.2f} at most")
    print(f"{len(waits)} jobs that came late waited {statistics.median(waits):.2f} s, {max(waits):.2f} at most")


if __name__ == "__main__":
    main()
