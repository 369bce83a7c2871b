"""Very many jobs of random shape through one real worker, watching its memory.

    python -m tests.bench.soak --jobs 200000

Prints a line for each tenth: jobs ended, seconds, resident memory of the worker; then whether memory grew between 10%
and 100% of the run, what the jobs' ends were, and whether anything is left.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis

from tasks.answers.constraint import from_json_schema
from tasks.ledger import redis_keys
from tasks.ledger.connection import connect
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.records.job import Job, Operation
from tasks.records.sampling import SamplingParams
from tasks.settings import Settings
from tests.support.processes import Process
from tests.support.random_schemas import random_schema
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

MODEL = "demo"
WAITING = 400
"""Jobs that the line holds at a time."""
GRAMMARS = [from_json_schema(random_schema(seed)) for seed in range(300)]
WORDS = [
    "a",
    "the",
    "cat",
    "fox",
    "river",
    "What",
    "is",
    "12",
    "+",
    "7?",
    "capital",
    "of",
    "France",
    "Count",
    "to",
    "9.",
]


def random_job(rng: random.Random) -> Job:
    """Prompts of up to 200 words, a few tokens of answer, now and then choices, stops, logprobs, grammars."""
    sampling: dict[str, Any] = {
        "max_tokens": rng.choice([1, 2, 3, 4, 6, 8, 16]),
        "temperature": rng.choice([0.0, 0.0, 0.8, 1.5]),
        "seed": rng.randrange(2**60),
    }
    extras: list[dict[str, Any]] = [
        {"n": 3},
        {"stop": (" a", ".")},
        {"logprobs": 3},
        {"repeat_penalty": 1.2},
        {"logit_bias": ((5, 2.0),)},
    ]
    for extra in extras:
        if rng.random() < 0.03:
            sampling.update(extra)
    if rng.random() < 0.03:
        sampling["grammar"] = rng.choice(GRAMMARS)
    words = rng.choices(WORDS, k=rng.choice([1, 3, 5, 10, 20, 40, 200]) if rng.random() < 0.2 else rng.randint(1, 12))
    request = {"prompt": " ".join(words), "sampling": SamplingParams(**sampling).encode()}
    return Job(id=str(uuid.uuid4()), model=MODEL, operation=Operation.COMPLETION, request=request)


def resident_bytes(pid: int) -> int:
    """The memory that a process has resident now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(store: Ledger, client: redis.Redis, pid: int, *, jobs: int, seed: int) -> Iterator[tuple[int, float, int]]:
    """Feed the line and watch; yields jobs ended, seconds and resident bytes at each tenth."""
    rng, began, submitted, ended, tenth = random.Random(seed), time.monotonic(), 0, 0, 1
    while ended < jobs:
        room = min(WAITING - (submitted - ended), jobs - submitted)
        for _ in range(room):
            job = random_job(rng)
            store.admission.submit(job, longest_queue=10 * WAITING)
            submitted += 1
            if rng.random() < 0.02:
                store.admission.cancel(job.id)
        time.sleep(0.05)
        totals: dict[str, str] = client.hgetall(redis_keys.totals(MODEL))  # type: ignore[assignment]
        ended = sum(int(count) for status, count in totals.items() if status != "accepted")
        while tenth <= 10 and ended >= jobs * tenth // 10:
            yield ended, time.monotonic() - began, resident_bytes(pid)
            tenth += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), options=["--appendonly", "no"])
        server.start()
        env = {"CARAVAN_RESULT_TTL": "60", "CARAVAN_LOG_LEVEL": "warning", "CARAVAN_THREADS": "1"}
        env["CARAVAN_REDIS_URL"] = server.url
        worker = Process(["-m", "tasks.worker", MODEL, "--name", "soak"], env=env, log=Path(folder) / "worker.log")
        worker.start()
        settings = Settings(redis_url=server.url, result_ttl=60)
        client, store = connect(settings.redis_url), open_ledger(settings)
        until(lambda: client.exists(redis_keys.workers(MODEL)), seconds=60, what="the worker is there")
        try:
            points = []
            for point in run(store, client, worker.pid, jobs=args.jobs, seed=args.seed):
                points.append(point)
                print(f"{point[0]:>8} jobs {point[1]:>7.0f} s {point[2] / 2**20:>7.1f} MiB", flush=True)
            growth = points[-1][2] / points[0][2] - 1
            print(f"growth from 10% to 100%: {growth:+.1%}")
            print("ends:", client.hgetall(redis_keys.totals(MODEL)))
            time.sleep(2)
            print("worker:", client.hgetall(redis_keys.worker("soak")))
        finally:
            worker.stop()
            print(worker.output()[-2000:])
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
