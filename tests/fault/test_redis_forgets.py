"""Redis comes back without its last second, as after a failover: workers write again what it forgot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support import sse
from tests.support.cluster import Cluster
from tests.support.crew import Ledger, assert_whole, fake_body
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

TOKENS = [*[60] * 4, *[250] * 16]
"""Four end in the lost second, and the last two, for which the worker has no room before, are claimed in it."""
READ_AT_ONCE = 25
"""Events after which a watcher hangs up and comes back."""


def test_what_redis_forgot_no_watcher_sees_twice_or_misses(
    cluster: Cluster, server: RedisServer, ledger: Ledger, tmp_path: Path
) -> None:
    ids = [cluster.submit(fake_body(f"{number}", tokens=tokens))["id"] for number, tokens in enumerate(TOKENS)]
    with ThreadPoolExecutor(len(ids)) as pool:
        watchers = [pool.submit(sse.watch, cluster.url, job_id, at_once=READ_AT_ONCE) for job_id in ids]
        until(lambda: ledger.all_run(map(ledger.find, ids[4:16])), what="as many run as there are slots")
        server.backup(tmp_path / "backup")
        forgotten = cluster.submit(fake_body("x"))["id"]
        for watcher in watchers[:4]:
            watcher.result()
        until(lambda: all(map(ledger.num_tokens, map(ledger.find, ids[18:]))), what="those that waited run as well")
        server.kill()
        server.restore(tmp_path / "backup")
        streams = [watcher.result() for watcher in watchers]
    jobs = ledger.ended(map(ledger.find, ids))
    for job, seen in zip(jobs, streams, strict=True):
        assert_whole(ledger.events(job), job)
        assert job.outcome is not None
        assert sse.text(seen) == job.outcome.choices[0].text
        assert len({event.id for event in seen}) == len(seen)
    assert cluster.http.get(f"/jobs/{forgotten}").status_code == 404
