"""What the doctor makes of what a Redis says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.doctor import redis_access, redis_server
from app.doctor.finding import Finding, State

GOOD: dict[str, Any] = {
    "redis_version": "7.4.1",
    "role": "master",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "aof_last_bgrewrite_status": "ok",
    "rdb_last_bgsave_status": "ok",
    "rdb_last_save_time": 1700000000,
    "maxmemory_policy": "noeviction",
    "maxmemory": 0,
    "used_memory": 1 << 20,
}
CONFIG = {"appendfsync": "everysec", "save": ""}


def server(**said: Any) -> Finding:
    (finding,) = redis_server.server({**GOOD, **said}, where="at h:1")
    return finding


def persistence(config: Mapping[str, str] = CONFIG, **said: Any) -> Finding:
    (finding,) = redis_server.persistence({**GOOD, **said}, config)
    return finding


def memory(**said: Any) -> Finding:
    (finding,) = redis_server.memory({**GOOD, **said})
    return finding


def test_a_redis_of_today_is_well() -> None:
    assert (server().state, server().found) == (State.OK, "Redis 7.4.1 at h:1")
    assert server(redis_version="7.2.4", valkey_version="8.1.0").found == "Valkey 8.1.0 at h:1"


def test_versions_past_their_end_of_life_are_told() -> None:
    finding = server(redis_version="6.2.14")
    assert (finding.state, "past its end of life" in finding.found) == (State.WARNING, True)
    assert server(redis_version="5.0.7").state == State.FAULT
    assert server(redis_version="10.0.0").state == State.OK


def test_a_replica_is_a_fault() -> None:
    assert server(role="slave").state == State.FAULT
    assert "takes no writes" in server(role="slave").found


def test_an_append_only_file_is_well_unless_the_system_decides_when_it_is_written() -> None:
    assert persistence().found == "an append-only file, appendfsync everysec"
    assert persistence({"appendfsync": "always"}).state == State.OK
    assert persistence({}).found == "an append-only file"
    assert persistence({"appendfsync": "no"}).state == State.WARNING


def test_without_an_append_only_file_jobs_are_lost() -> None:
    nothing = persistence(aof_enabled=0)
    assert nothing.state == State.FAULT
    assert "its restart loses every job" in nothing.found
    snapshots = persistence({"save": "3600 1"}, aof_enabled=0)
    assert (snapshots.state, "snapshots alone" in snapshots.found) == (State.WARNING, True)


@pytest.mark.parametrize("sign", ["aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"])
def test_a_write_that_failed_is_a_fault(sign: str) -> None:
    (finding,) = redis_server.persistence({**GOOD, sign: "err"}, CONFIG)
    assert (finding.state, sign in finding.found) == (State.FAULT, True)


def test_every_eviction_policy_but_one_is_a_fault() -> None:
    (good,) = redis_server.eviction(GOOD)
    assert good.state == State.OK
    for policy in ("allkeys-lru", "volatile-ttl", ""):
        (bad,) = redis_server.eviction({**GOOD, "maxmemory_policy": policy})
        assert bad.state == State.FAULT
        assert "noeviction" in bad.advice


def test_memory_that_runs_out_is_told_in_time() -> None:
    assert memory().found == "1.0 MiB used, no limit"
    assert memory(maxmemory=10 << 20).state == State.OK
    assert memory(maxmemory=(1 << 20) + 1000).state == State.WARNING
    assert memory(maxmemory=1 << 20).state == State.FAULT


def test_replicas_that_no_job_is_accepted_without_are_missed() -> None:
    def replicas(connected: int, needed: int) -> list[Finding]:
        return list(redis_server.replicas({**GOOD, "connected_slaves": connected}, needed=needed))

    assert replicas(0, 0) == []
    (missed,) = replicas(1, 2)
    assert (missed.state, "no job is accepted" in missed.found) == (State.FAULT, True)
    (there,) = replicas(2, 1)
    assert (there.state, there.found.startswith("2 connected; 1 of them")) == (State.OK, True)


def test_a_database_is_told_by_its_number() -> None:
    assert redis_access.index("redis://h:1/3") == "3"
    assert redis_access.index("redis://h:1") == "0"
