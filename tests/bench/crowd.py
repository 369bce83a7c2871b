"""Many streams at once through one web process: whether all are right, and what they take.

python -m tests.bench.crowd --streams 500
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

import aiohttp
import redis

from tests.support.cluster import Cluster, chat
from tests.support.redis_server import RedisServer

ONE_WEB_PROCESS = {"CARAVAN_WEB_PROCESSES": "1"}
QUESTIONS = {
    "Count to 20.": ", ".join(map(str, range(1, 21))) + ".",
    "What is the capital of France?": "The capital of France is Paris.",
    "What is 12 + 7?": "12 + 7 = 19.",
    "Say hello to Mia.": "Hello, Mia! It is nice to meet you.",
}


async def stream(http: aiohttp.ClientSession, question: str, retries: int = 5) -> str:
    """The text of one streamed chat; raises if it does not end as it should. Comes again when told to."""
    text, ended = "", ""
    async with http.post("/v1/chat/completions", json=chat(question, temperature=0, stream=True)) as response:
        if retries and "Retry-After" in response.headers:
            await asyncio.sleep(float(response.headers["Retry-After"]))
            return await stream(http, question, retries - 1)
        response.raise_for_status()
        async for line in response.content:
            if line.startswith(b"data: "):
                ended = line.removeprefix(b"data: ").strip().decode()
                if ended != "[DONE]":
                    text += json.loads(ended)["choices"][0]["delta"].get("content") or ""
    assert ended == "[DONE]", ended
    return text


async def crowd(url: str, size: int) -> Counter[tuple[str, str]]:
    """How often each question had each answer."""
    timeout, connector = aiohttp.ClientTimeout(total=110), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, timeout=timeout, connector=connector) as http:
        asked = [list(QUESTIONS)[number % len(QUESTIONS)] for number in range(size)]
        answers = await asyncio.gather(*(stream(http, question) for question in asked))
    return Counter(zip(asked, answers, strict=True))


def connections(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return len(client.client_list())


def mebibytes(pid: int) -> str:
    """What a process runs, and the most memory it has had resident."""
    command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    (peak,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return f"{int(peak.split()[1]) >> 10} MiB {command[:100]}"


def main() -> None:
    """Start a cluster with one web process, send the crowd, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=500)
    size = parser.parse_args().streams
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder) / "redis")
        cluster = Cluster(Path(folder), env=ONE_WEB_PROCESS, options=["--redis-url", server.url])
        server.start()
        try:
            cluster.start()
            before, began = connections(server.url), time.monotonic()
            seen = asyncio.run(crowd(cluster.url, size))
            wrong = sum(count for (question, answer), count in seen.items() if QUESTIONS[question] != answer)
            print(f"{size} streams in {time.monotonic() - began:.1f} s, {wrong} of them wrong")
            print(f"Redis connections: {before} before, {connections(server.url)} after")
            print(*(f"{pid}: {mebibytes(pid)}" for pid in cluster.processes()), sep="\n")
        finally:
            cluster.stop()
            server.stop()


if __name__ == "__main__":
    main()
