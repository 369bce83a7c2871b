"""What the ledger costs Redis: calls with many simulated workers, the longest scripts of the worst states, and memory.

    python -m tests.bench.ledger --workers 1,100,1000,3000 --queued 50000

Times are Redis' own, of its slow log: how long it answered nobody else. No model runs and no message is published.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import redis

from app.cli.up.own_redis import PACKED_VALUE_BYTES
from tasks.ledger import overview, redis_keys
from tasks.ledger.admission import Busy, Full
from tasks.ledger.connection import connect
from tasks.ledger.leases import WRITTEN, Append, Holder
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.records.event import encode_token
from tasks.records.job import Job
from tasks.records.outcome import Choice, Outcome, Usage
from tasks.settings import Settings
from tests.support import endings
from tests.support.jobs import completion
from tests.support.redis_server import RedisServer

MODEL = "fake"
CALLS = 60
SLOTS = 16
MOST_KEPT = 100_000
HOLDER = Holder("w0", "d")
TOKEN = encode_token(index=0, text=" upon", tokens=[7], finish_reason=None)
ANSWER = Outcome(
    choices=(Choice(index=0, text="upon a time", finish_reason="stop"),),
    usage=Usage(prompt_tokens=40, completion_tokens=3),
)
CHAT = "Tell me what a queue is. " * 8
"""200 characters."""


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=_numbers, default=[1, 100, 1000, 3000])
    parser.add_argument("--queued", type=int, default=50_000, help="jobs, of the worst states")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(
            Path(folder), options=["--appendonly", "no", "--hash-max-ziplist-value", str(PACKED_VALUE_BYTES)]
        )
        server.start()
        try:
            client = connect(server.url)
            ledger = open_ledger(Settings(redis_url=server.url))
            figures = {
                "ms_by_workers": {workers: _by_workers(ledger, client, workers) for workers in options.workers},
                "ms_of_a_running_job": _running(ledger, client),
                "longest_ms": _longest(ledger, client, options.queued),
                "bytes_a_queued_job": _memory(ledger, client, options.queued),
            }
        finally:
            server.stop()
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _by_workers(ledger: Ledger, client: redis.Redis, workers: int) -> dict[str, float]:
    """The median of each call's time in Redis, with so many workers and no other job."""
    client.flushall()
    _report(ledger, workers)
    times: dict[str, list[float]] = {"submit": [], "take": [], "claim": [], "crew": [], "report": []}
    for _ in range(CALLS):
        job = _job()
        times["submit"].append(_spent(client, lambda job=job: _submit(ledger, [job])))  # type: ignore[misc]
        times["take"].append(_spent(client, lambda: ledger.line.take(MODEL)))
        times["claim"].append(_spent(client, lambda job=job: _claim(ledger, job)))  # type: ignore[misc]
        times["crew"].append(_spent(client, lambda: overview.crews(client, [MODEL])))
        times["report"].append(_spent(client, lambda: _report(ledger, 1)))
    return {name: round(statistics.median(found), 3) for name, found in times.items()}


def _running(ledger: Ledger, client: redis.Redis) -> dict[str, float]:
    """The median time of what a worker writes of its jobs: a token of one, a token of each in its slots, an end."""
    client.flushall()
    _report(ledger, 1)
    jobs = [_job() for _ in range(SLOTS)]
    _submit(ledger, jobs)
    _take_all(ledger)
    held = [ledger.leases.claim(job.id, HOLDER, model=MODEL, call=job.id).job for job in jobs]
    fences = {job.id: job.fence for job in held if job}
    sent = dict.fromkeys(fences, 0)

    def append(job_ids: Iterable[str]) -> None:
        parts = [Append(job_id, fences[job_id], sent[job_id] + 1, [TOKEN]) for job_id in job_ids]
        assert set(ledger.leases.append(HOLDER, parts)) <= set(WRITTEN)
        for job_id in job_ids:
            sent[job_id] += 1

    one = [_spent(client, lambda: append([jobs[0].id])) for _ in range(CALLS)]
    each = [_spent(client, lambda: append(list(fences))) for _ in range(CALLS)]

    def end(job_id: str) -> None:
        assert endings.succeed(ledger.leases, HOLDER, job_id, fences[job_id], sent[job_id], ANSWER) == "ok"

    ends = [_spent(client, partial(end, job_id)) for job_id in fences]
    found = {"token_of_one": one, f"token_of_{SLOTS}": each, "end": ends}
    return {name: round(statistics.median(times), 3) for name, times in found.items()}


def _longest(ledger: Ledger, client: redis.Redis, queued: int) -> dict[str, float]:
    """The longest script of each worst state."""
    found = {}

    def state(name: str, call: Callable[[], object]) -> None:
        found[name] = round(_longest_of(client, call), 2)

    def fresh(*, workers: int, options: dict[str, Any] | None = None) -> list[Job]:
        client.flushall()
        jobs = [_job(**(options or {})) for _ in range(queued)]
        _submit(ledger, jobs)
        _report(ledger, workers)
        return jobs

    fresh(workers=1000)
    state("1000 workers come", lambda: _until_few(lambda: len(ledger.line.take(MODEL))))
    for at, job_id in enumerate(client.zrange(redis_keys.published(MODEL), 0, -1)):
        ledger.leases.claim(str(job_id), Holder(f"w{at % 1000}", "d"), model=MODEL, call=str(at))
    state("one of 1000 workers dies", lambda: ledger.workers.release(MODEL, "w0", reason="killed"))
    _age(client, redis_keys.running(MODEL))
    state("all of 1000 workers die", lambda: _until_few(lambda: ledger.line.sweep(MODEL).most))
    _take_all(ledger)
    _age(client, redis_keys.published(MODEL))
    state("all messages are lost", lambda: _until_few(lambda: ledger.line.sweep(MODEL).most))
    fresh(workers=1, options={"timeout_seconds": 1000.0})
    _age(client, redis_keys.due(MODEL))
    state("all jobs are late", lambda: _until_few(lambda: ledger.line.sweep(MODEL).most))
    _age(client, redis_keys.ended())
    state("all jobs are forgotten", lambda: _until_few(ledger.line.tidy))
    jobs = fresh(workers=0)
    ledger.workers.report_start(MODEL, "w0", {"state": "failed", "phase": "", "reason": "It died.", "tries": 9}, 600)
    state("no worker can start", lambda: _until_few(lambda: ledger.line.sweep(MODEL).most))
    fresh(workers=0)
    state("the model is missing", lambda: _until_few(lambda: len(ledger.line.strand(MODEL, 1.0))))
    jobs = fresh(workers=0)
    state("jobs are cancelled", lambda: [ledger.admission.cancel(job.id) for job in jobs[:1000]])
    _age(client, redis_keys.results("local"))
    ledger.admission.submit(_job(result_bytes=1), longest_queue=MOST_KEPT)
    state("an owner's results make room", lambda: _until_few(ledger.line.thin))
    return found


def _memory(ledger: Ledger, client: redis.Redis, queued: int) -> int:
    client.flushall()
    before = client.info("memory")["used_memory"]
    _submit(ledger, [_job() for _ in range(queued)])
    return int((client.info("memory")["used_memory"] - before) / queued)


def _job(**options: Any) -> Job:
    return completion(CHAT, model=MODEL, **options)


def _submit(ledger: Ledger, jobs: Iterable[Job]) -> None:
    for job in jobs:
        answer = ledger.admission.submit(job, longest_queue=MOST_KEPT)
        assert not isinstance(answer, Busy | Full)


def _claim(ledger: Ledger, job: Job) -> None:
    claimed = ledger.leases.claim(job.id, HOLDER, model=MODEL, call=job.id).job
    assert claimed is not None
    ledger.admission.cancel(job.id)


def _report(ledger: Ledger, workers: int) -> None:
    figures = {"slots": SLOTS, "capacity": SLOTS, "busy": 3, "job_seconds": 1.5, "tokens_per_second": 100.0}
    for number in range(workers):
        ledger.workers.report(MODEL, f"w{number}", 3600, figures)


def _take_all(ledger: Ledger) -> None:
    _until_few(lambda: len(ledger.line.take(MODEL)))


def _until_few(call: Callable[[], int]) -> None:
    while call():
        pass


def _age(client: redis.Redis, key: str) -> None:
    """Have all members of a set by time be late."""
    client.zunionstore(key, {key: 0})


def _spent(client: redis.Redis, call: Callable[[], object]) -> float:
    """Milliseconds that Redis worked for a call."""
    return sum(_times(client, call, slower_than_us=0))


def _longest_of(client: redis.Redis, call: Callable[[], object]) -> float:
    return max(_times(client, call, slower_than_us=300), default=0.3)


def _times(client: redis.Redis, call: Callable[[], object], *, slower_than_us: int) -> list[float]:
    """Milliseconds of each command that Redis carries out for a call; of scripts alone, if there are any."""
    client.config_set("slowlog-max-len", MOST_KEPT)
    client.config_set("slowlog-log-slower-than", slower_than_us)
    client.slowlog_reset()
    call()
    client.config_set("slowlog-log-slower-than", -1)
    found = client.slowlog_get(MOST_KEPT)
    scripts = [entry for entry in found if entry["command"].startswith(b"EVAL")]
    others = [entry for entry in found if not entry["command"].startswith((b"CONFIG", b"SLOWLOG"))]
    return [entry["duration"] / 1000 for entry in scripts or others]


def _numbers(told: str) -> list[int]:
    return [int(number) for number in told.split(",")]


if __name__ == "__main__":
    main()
