"""How soon one owner's chats begin while another owner sends polite requests, and while it sends hostile ones.

    python -m tests.bench.neighbours --seconds 290 --order polite,hostile

Two owners with keys and the limits that every owner has, the demo model, a piece for each word of the order. Both kinds
of neighbour send at the same rate, whatever becomes of their requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.hostile_requests import Request, hostile, polite
from tests.bench.rows import percentile
from tests.support.cluster import Cluster, chat
from tests.support.fronts import ADMIN_KEY, bearer

NEIGHBOURS = {"polite": polite, "hostile": hostile}
PAUSE_SECONDS = 0.2
"""Between a chat's end and the next chat."""
QUESTIONS = ["What is the capital of France?", "What is 12 + 7?", "Count to 5.", "Say hello to Mia."]


def main() -> None:
    """Start a cluster, measure the pieces in turn, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=290, help="of a piece")
    parser.add_argument("--rate", type=float, default=5, help="requests a second of the neighbour")
    parser.add_argument(
        "--order", default="polite,hostile", help="the pieces: none, polite, hostile; polite@20: another rate"
    )
    parser.add_argument("--kind", help="of the hostile requests only these")
    options = parser.parse_args()
    env = {"CARAVAN_KEYS": "true", "CARAVAN_ADMIN_KEY": ADMIN_KEY, "CARAVAN_THREADS": str(os.cpu_count())}
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), env={**env, "CARAVAN_LOG_LEVEL": "warning"})
        cluster.start()
        try:
            for number, asked in enumerate(options.order.split(",")):
                name, _, rate = asked.partition("@")
                requests = NEIGHBOURS[name]() if name in NEIGHBOURS else []
                requests = [request for request in requests if not options.kind or request.kind == options.kind]
                piece = Piece(cluster, number, requests, float(rate or options.rate))
                print(json.dumps({"neighbour": asked, **piece.measure(options.seconds)}), flush=True)
        finally:
            cluster.stop()


class Piece:
    """One owner who chats, and its neighbour in a process of its own, for some time."""

    def __init__(self, cluster: Cluster, number: int, requests: list[Request], rate: float) -> None:
        self._cluster = cluster
        self._number = number
        self._requests = requests
        self._rate = rate
        self._first: list[float] = []

    def measure(self, seconds: int) -> dict[str, Any]:
        """First tokens in milliseconds, what became of the neighbour's requests, and what the processes took."""
        key, neighbours = self._key("chats"), self._key("neighbour")
        before, used, memory = self._cluster.processes(), self._processor_seconds(), self._mebibytes()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            pressed = pool.submit(press, self._cluster.url, neighbours, self._requests, self._rate, seconds)
            asyncio.run(self._chat(key, time.monotonic() + seconds))
            statuses = pressed.result()
        milliseconds = [1e3 * first for first in self._first]
        return {
            "chats": len(milliseconds),
            "first_p50_ms": round(statistics.median(milliseconds), 1),
            "first_p99_ms": round(percentile(milliseconds, 0.99), 1),
            "first_most_ms": round(max(milliseconds), 1),
            "answers": dict(sorted(statuses.items())),
            "processor_share": round((self._processor_seconds() - used) / seconds / (os.cpu_count() or 1), 3),
            "ended_processes": len(set(before) - set(self._cluster.processes())),
            "mebibytes_before": memory,
            "mebibytes_after": self._mebibytes(),
        }

    async def _chat(self, key: str, until: float) -> None:
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(self._cluster.url, timeout=timeout, headers=bearer(key)) as http:
            while time.monotonic() < until:
                body = chat(QUESTIONS[len(self._first) % len(QUESTIONS)], stream=True, max_tokens=16)
                began = time.perf_counter()
                async with http.post("/v1/chat/completions", json=body) as response:
                    response.raise_for_status()
                    async for line in response.content:
                        if b'"content":"' in line and b'"content":""' not in line:
                            self._first.append(time.perf_counter() - began)
                            break
                    await response.read()
                await asyncio.sleep(PAUSE_SECONDS)

    def _key(self, who: str) -> str:
        body = {"name": f"{who}-{self._number}"}
        response = self._cluster.http.post("/admin/keys", json=body, headers=bearer(ADMIN_KEY))
        response.raise_for_status()
        return str(response.json()["key"])

    def _processor_seconds(self) -> float:
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in self._cluster.processes()) / os.sysconf("SC_CLK_TCK")

    def _mebibytes(self) -> dict[str, int]:
        """Resident memory of the programs, the processes of each together."""
        sizes: Counter[str] = Counter()
        for pid in self._cluster.processes():
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            name = next((part for part in PROGRAMS if any(part in word for word in words)), "other")
            sizes[name] += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
        return dict(sorted(sizes.items()))


PROGRAMS = ("redis-server", "tasks.worker", "gunicorn", "flower", "clerk", "tasks.answers")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def press(url: str, key: str, requests: list[Request], rate: float, seconds: int) -> Counter[str]:
    """Send the requests in turn at the rate, and count the answers. What still runs at the end is left."""
    return asyncio.run(_press(url, key, requests, rate, seconds))


async def _press(url: str, key: str, requests: list[Request], rate: float, seconds: int) -> Counter[str]:
    statuses, running = Counter[str](), set[asyncio.Task[None]]()
    bodies = [request.data for request in requests]
    headers = {**bearer(key), "Content-Type": "application/json"}
    timeout, connector = aiohttp.ClientTimeout(total=60), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=connector, headers=headers) as http:
        began = time.monotonic()
        for sent in range(int(rate * seconds) if requests else 0):
            await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
            at = sent % len(requests)
            task = asyncio.create_task(_send(http, requests[at], bodies[at], statuses))
            running.add(task)
            task.add_done_callback(running.discard)
        for task in list(running):
            task.cancel()
    return statuses


async def _send(http: aiohttp.ClientSession, request: Request, body: bytes | None, statuses: Counter[str]) -> None:
    try:
        async with http.request(request.method, request.path, data=body) as response:
            if request.leave:
                await response.content.readany()
                response.close()
            else:
                await response.read()
            statuses[str(response.status)] += 1
    except (aiohttp.ClientError, TimeoutError) as error:
        statuses[type(error).__name__] += 1


if __name__ == "__main__":
    main()
