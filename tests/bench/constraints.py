"""How long another job's first token takes while the worst schemas are compiled: ``python -m tests.bench.constraints``.

It prints the times with and without them, and the memory of the worker before and after; it asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tasks.answers import trial
from tests.support.cluster import Cluster

HOGS: tuple[dict[str, Any], ...] = (
    {"type": "integer", "multipleOf": 400_009},
    {"type": "integer", "multipleOf": 99_999_989},
    {"type": "number", "multipleOf": 0.000_000_007},
    {"type": "string", "pattern": "^(([ab]*a[ab]{18}){9}){9}$", "minLength": 900, "maxLength": 1000},
    {"type": "array", "items": {"type": "integer", "multipleOf": 65_537}, "maxItems": 9},
)
CHAT = {"model": "demo", "messages": [{"role": "user", "content": "What is 12 + 7?"}], "stream": True, "max_tokens": 4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), args.samples)
    text = json.dumps(figures, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text)


def measure(folder: Path, samples: int) -> dict[str, Any]:
    """The figures of one run: milliseconds and MiB."""
    cluster = Cluster(folder)
    cluster.start()
    try:
        with httpx.Client(base_url=cluster.url, timeout=120) as client:
            for _ in range(5):
                first_token(client)
            warm(client)
            alone = [first_token(client) for _ in range(samples)]
            before, stop = memory(cluster), threading.Event()
            sender = threading.Thread(target=send_hogs, args=(cluster.url, stop))
            sender.start()
            time.sleep(0.5)
            beside = [first_token(client) for _ in range(samples)]
            stop.set()
            sender.join()
            return {
                "alone_ms": shape(alone),
                "beside_ms": shape(beside),
                "worker_mib_before": before,
                "worker_mib_after": memory(cluster),
            }
    finally:
        cluster.stop()


def first_token(client: httpx.Client) -> float:
    """Milliseconds until the first piece of text of a chat."""
    began = time.perf_counter()
    with client.stream("POST", "/v1/chat/completions", json=CHAT) as answer:
        for line in answer.iter_lines():
            if '"content":"' in line.replace(" ", "") and '"content":""' not in line.replace(" ", ""):
                return 1e3 * (time.perf_counter() - began)
    return 1e3 * (time.perf_counter() - began)


def warm(client: httpx.Client) -> None:
    """Have the process for trials started, and one refusal behind it."""
    for schema in ({"type": "integer"}, HOGS[0]):
        client.post("/v1/chat/completions", json=constrained(schema))


def send_hogs(url: str, stop: threading.Event) -> None:
    """One schema after another, none of them twice: a refusal is remembered."""
    with httpx.Client(base_url=url, timeout=120) as client:
        for schema in distinct():
            if stop.is_set():
                return
            client.post("/v1/chat/completions", json=constrained(schema))


def distinct() -> Iterator[dict[str, Any]]:
    number = 0
    while True:
        for schema in HOGS:
            number += 1
            yield {"type": "object", "properties": {f"p{number}": schema}, "required": [f"p{number}"]}


def constrained(schema: dict[str, Any]) -> dict[str, Any]:
    asked = {"type": "json_schema", "json_schema": {"name": "m", "schema": schema}}
    return {**CHAT, "stream": False, "response_format": asked}


def memory(cluster: Cluster) -> float:
    """MiB that the worker's processes have, the one for trials included."""
    pids = [*cluster.pids_of("tasks.worker"), *cluster.pids_of(trial.__name__)]
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def shape(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = int(0.95 * (len(ordered) - 1))
    return {"median": round(statistics.median(ordered), 1), "p95": round(ordered[at], 1), "most": round(ordered[-1], 1)}


if __name__ == "__main__":
    main()
