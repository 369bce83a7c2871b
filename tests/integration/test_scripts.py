"""Scripts on a real Redis: each is Lua, keys are named as in Python, the table of transitions is kept; and luacheck."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from tasks.ledger import event_stream, redis_keys, scripts
from tasks.ledger.leases import Append, Holder
from tasks.ledger.ledger import Ledger
from tasks.records.job import TRANSITIONS, JobStatus
from tasks.settings import Settings
from tests.support import lua
from tests.support.jobs import completion
from tests.support.redis_server import RedisServer

KINDS = sorted(redis_keys.NAMES.items())
REFUSED = [
    (before, after) for before in JobStatus for after in JobStatus if after not in TRANSITIONS[before] and after.ended
]
conclude = "".join(source for _, source in scripts.parts("cancel")).partition("local id, owner")[0]
CONCLUDE = scripts.head(conclude) + conclude + "conclude(ARGV[1], ARGV[2], clock())"
TRANSITION = scripts.head(conclude) + conclude + "return transition(ARGV[1], ARGV[2], clock())"


def everything(raw: redis.Redis) -> dict[Any, Any]:
    """What Redis holds; a hash may be dumped in another order the next time."""
    return {key: raw.hgetall(key) if raw.type(key) == b"hash" else raw.dump(key) for key in raw.keys("*")}


@pytest.fixture(scope="module")
def any_client(redis_server: RedisServer) -> redis.Redis:
    """For property tests: it is not emptied between two examples."""
    return redis.Redis.from_url(redis_server.url, decode_responses=True)


@pytest.mark.parametrize("name", lua.names())
def test_a_script_compiles(client: redis.Redis, name: str) -> None:
    assert client.script_load(scripts.text(name))


@rules(max_examples=50, deadline=None)
@given(parts=st.lists(st.text(max_size=20), min_size=3, max_size=3))
def test_scripts_name_keys_as_python_does(any_client: redis.Redis, parts: list[str]) -> None:
    functions = [name if name.endswith("_channel") else f"{name}_key" for name, _ in KINDS]
    calls = ", ".join(f"{name}(unpack(ARGV))" for name in functions)
    found: Any = any_client.eval(scripts.head(calls) + f"return {{ {calls} }}", 0, *parts)
    assert found == [name(*parts[: len(name.parts)]) for _, name in KINDS]


@pytest.mark.parametrize(("before", "after"), REFUSED)
def test_an_end_that_the_table_refuses_writes_nothing(
    client: redis.Redis, store: Ledger, settings: Settings, before: JobStatus, after: JobStatus
) -> None:
    raw = redis.Redis.from_url(settings.redis_url)
    job = completion()
    store.admission.submit(job, longest_queue=9)
    client.hset(redis_keys.job(job.id), "status", before.value)
    before_it = everything(raw)
    with pytest.raises(redis.ResponseError, match=f"job {job.id} is {before}, and cannot become {after}"):
        client.eval(CONCLUDE, 0, job.id, after.value)
    assert everything(raw) == before_it


@pytest.mark.parametrize("before", [None, *JobStatus])
@pytest.mark.parametrize("after", JobStatus)
def test_a_status_follows_another_as_the_table_says(
    client: redis.Redis, before: JobStatus | None, after: JobStatus
) -> None:
    if before:
        client.hset(redis_keys.job("j"), mapping={"status": before.value, "fence": "7"})
    if after in (TRANSITIONS[before] if before else {JobStatus.QUEUED}):
        fence = client.eval(TRANSITION, 0, "j", after.value)
        assert client.hmget(redis_keys.job("j"), "status", "fence") == [after.value, fence]
        events = [event.status for event in event_stream.read(client, "j")]
        told = [] if after is JobStatus.QUEUED else [after.value]
        assert events == (["queued", *told] if before is JobStatus.QUEUED else told)
        return
    with pytest.raises(redis.ResponseError, match=f"job j is {before or 'not there'}, and cannot become {after}"):
        client.eval(TRANSITION, 0, "j", after.value)
    assert client.exists(redis_keys.log("j")) == 0
    assert client.hget(redis_keys.job("j"), "fence") == ("7" if before else None)


def test_a_job_is_accepted_once(store: Ledger, client: redis.Redis) -> None:
    job = completion()
    store.admission.submit(job, longest_queue=9)
    whole = client.hgetall(redis_keys.job(job.id))
    with pytest.raises(redis.ResponseError, match="is queued, and cannot become queued"):
        store.admission.submit(job, longest_queue=9)
    assert client.hgetall(redis_keys.job(job.id)) == whole
    assert client.hget(redis_keys.queued_by_priority("fake"), "normal") == "1"


def test_a_worker_that_knows_better_goes_through_the_table_as_well(store: Ledger, client: redis.Redis) -> None:
    job, holder = completion(), Holder("w1", "d1")
    store.admission.submit(job, longest_queue=9)
    fence = int(client.hget(redis_keys.job(job.id), "fence") or 0) + 5
    assert store.leases.append(holder, [Append(job.id, fence, 1, ["{}"])]) == ["unread"]
    assert client.hmget(redis_keys.job(job.id), "status", "fence") == ["running", str(fence)]
    ended = completion()
    store.admission.submit(ended, longest_queue=9)
    store.admission.cancel(ended.id)
    assert store.leases.append(holder, [Append(ended.id, fence + 10**6, 1, ["{}"])]) == ["cancelled"]


def test_a_worker_retires_at_once(store: Ledger, client: redis.Redis) -> None:
    store.workers.report("fake", "w1", 9, {"capacity": 1})
    store.workers.retire("fake", "w1")
    assert not client.exists(redis_keys.worker("w1"), redis_keys.workers("fake"))


def test_an_index_that_lists_an_ended_job_does_not_stop_the_sweep(store: Ledger, client: redis.Redis) -> None:
    job = completion()
    store.admission.submit(job, longest_queue=9)
    store.admission.cancel(job.id)
    client.zadd(redis_keys.due("fake"), {job.id: 1})
    assert store.line.sweep("fake").ended == []
    assert client.exists(redis_keys.due("fake")) == 0


@pytest.mark.skipif(shutil.which("luacheck") is None, reason="there is no luacheck")
def test_a_warning_is_told_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    real = scripts.parts

    def broken(name: str) -> list[tuple[str, str]]:
        return [(file, source.replace("local live = busy", "local lively = busy")) for file, source in real(name)]

    assert lua.luacheck() == []
    monkeypatch.setattr(scripts, "parts", broken)
    line = 1 + lua.sources()["jobs/submit"].splitlines().index("  local live = busy(owner, most_in_flight)")
    assert any(f"lua/jobs/submit.lua:{line}:9: (W211) unused variable 'lively'" in each for each in lua.luacheck())
