"""Many open streams that say little: how late their tokens come, and what they take.

    python -m tests.bench.open_streams --streams 5000 --seconds 30

Redis and two web processes are real. No model runs: one process plays the workers, and writes a token a second into
each job, spread over the second; the token is the time at which it was written. Lateness is from then until the client
has it, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from tasks.ledger.leases import Append, Holder
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.records.event import encode_token
from tasks.settings import Settings
from tests.bench.rows import percentile
from tests.support.fronts import ADMIN_KEY
from tests.support.jobs import completion
from tests.support.processes import children
from tests.support.redis_server import RedisServer
from tests.support.web_front import WebFront, head

WEB_PROCESSES = 2
SETTLING_SECONDS = 5
"""What is late while streams are still being opened says nothing."""
SILENT_SECONDS = 30
GROUPS = 50
"""So often a second some of the jobs have their token."""
HOLDER = Holder("w0", "d")
LEASE_SECONDS = 3600
"""Nobody renews the leases of workers that are only played."""


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = RedisServer(folder / "redis", options=["--appendonly", "no"])
        room = str(2 * options.streams)
        front = WebFront(
            folder, server.url, CARAVAN_WEB_PROCESSES=str(WEB_PROCESSES), CARAVAN_WEB_CONNECTIONS=room,
            CARAVAN_OWNER_SHARE="1",
        )  # fmt: skip
        server.start()
        try:
            front.start()
            print(json.dumps(measure(server.url, front, options.streams, options.seconds), indent=2))
        finally:
            front.stop()
            server.stop()


def measure(redis_url: str, front: WebFront, streams: int, seconds: int) -> dict[str, Any]:
    """The figures of so many streams for so long."""
    fences = claim(open_ledger(Settings(redis_url=redis_url, lease_seconds=LEASE_SECONDS)), streams)
    began = multiprocessing.get_context("spawn").Event()
    workers = multiprocessing.get_context("spawn").Process(target=write, args=(redis_url, fences, seconds, began))
    workers.start()
    late, opened_seconds, cpu = asyncio.run(read(front, list(fences), seconds, began))
    workers.join()
    expected = streams * seconds
    return {
        "streams": streams,
        "opened_seconds": round(opened_seconds, 1),
        "tokens": len(late),
        "expected": expected,
        "late_p50_ms": round(1e3 * statistics.median(late), 1),
        "late_p99_ms": round(1e3 * percentile(late, 0.99), 1),
        "late_most_ms": round(1e3 * max(late), 1),
        "web_cpu_ms_per_token": round(1e3 * cpu / expected, 3),
        "web_mib": [resident_mib(pid) for pid in children(front.process.pid)],
    }


def claim(ledger: Ledger, streams: int) -> dict[str, int]:
    """Jobs that run: the fence of each."""
    fences = {}
    for _ in range(streams):
        job = completion(model="demo")
        ledger.admission.submit(job, longest_queue=streams)
        claimed = ledger.leases.claim(job.id, HOLDER, model="demo", call=uuid.uuid4().hex).job
        assert claimed is not None
        fences[job.id] = claimed.fence
    return fences


def write(redis_url: str, fences: dict[str, int], seconds: int, began: Any) -> None:
    """Play the workers: a token a second into each job, once the readers are there."""
    ledger, jobs = open_ledger(Settings(redis_url=redis_url)), list(fences.items())
    began.wait()
    start = time.time()
    for number in range(1, seconds + 1):
        for group in range(GROUPS):
            time.sleep(max(0.0, start + number - 1 + group / GROUPS - time.time()))
            text = encode_token(index=0, text=f"{time.time():.6f}", tokens=[7], finish_reason=None)
            some = jobs[group::GROUPS]
            if some:
                ledger.leases.append(HOLDER, [Append(job_id, fence, number, [text]) for job_id, fence in some])


async def read(front: WebFront, job_ids: list[str], seconds: int, began: Any) -> tuple[list[float], float, float]:
    """How late each token was, how long it took to open all streams, and what the web processes took meanwhile."""
    late, opening = list[float](), time.monotonic()
    gate = asyncio.Semaphore(100)
    streams = await asyncio.gather(*(open_stream(front, job_id, gate) for job_id in job_ids))
    opened_seconds = time.monotonic() - opening
    await asyncio.sleep(SETTLING_SECONDS)
    cpu = processor_seconds(front)
    began.set()
    await asyncio.gather(*(follow(reader, late, seconds) for reader, _ in streams))
    used = processor_seconds(front) - cpu
    for _, writer in streams:
        writer.close()
    return late, opened_seconds, used


async def open_stream(
    front: WebFront, job_id: str, gate: asyncio.Semaphore
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream whose first event has come."""
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(head(f"GET /jobs/{job_id}/events", {"Authorization": f"Bearer {ADMIN_KEY}"}))
        await reader.readuntil(b"running")
        return reader, writer


async def follow(reader: asyncio.StreamReader, late: list[float], most: int) -> None:
    """Note how late each token is, until the last one, or until none has come for so long that none will."""
    for _ in range(most):
        try:
            async with asyncio.timeout(SILENT_SECONDS):
                await reader.readuntil(b'"text":"')
                written = await reader.readuntil(b'"')
        except (TimeoutError, asyncio.IncompleteReadError):
            return
        late.append(time.time() - float(written[:-1]))


def processor_seconds(front: WebFront) -> float:
    """What the front and its processes have taken of the processor."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in children(front.process.pid)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / 100


def resident_mib(pid: int) -> int:
    """What a process has resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 // 1024


if __name__ == "__main__":
    main()
