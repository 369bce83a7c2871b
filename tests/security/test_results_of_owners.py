"""An owner's ended jobs take no more of Redis than its limit, or its share; what is promised of them is kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.endpoints.batches.lines import LineEndpoints
from app.jobs.follow import follow
from tasks.batches.batch import Batch, Checkpoint, new_id
from tasks.batches.feeder import BLOCK_ROWS, BatchLedger, Feeder
from tasks.batches.rows import Row
from tasks.batches.store import open_batches
from tasks.ledger import redis_keys
from tasks.ledger.admission import Idempotency, Kept
from tasks.ledger.api_keys import KeyStore
from tasks.ledger.connection import connect
from tasks.ledger.leases import Append, Holder
from tasks.ledger.ledger import Ledger, open_ledger
from tasks.ledger.line import SWEPT_AT_ONCE
from tasks.models.current import CurrentCatalogue
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.sweep import open_sweeper
from tasks.records.api_key import Limits
from tasks.records.event import encode_token
from tasks.records.job import LEAST_KEPT_SECONDS, Job
from tasks.records.outcome import Choice, Outcome, Usage
from tasks.settings import Settings
from tests.support import endings
from tests.support.catalogues import current
from tests.support.fronts import ADMIN_KEY, bearer, caller, front
from tests.support.jobs import completion, verdict
from tests.support.redis_fixtures import redis_server
from tests.support.redis_server import RedisServer

__all__ = ["redis_server"]

KIB = 1 << 10
HOLDER = Holder("w1", "d1")
BODY = {"model": "demo", "prompt": "Once", "max_tokens": 9}
Headers = dict[str, str]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 30.0})


def submit(http: FlaskClient, headers: Headers) -> str:
    answer = http.post("/jobs", json=BODY, headers=headers)
    assert answer.status_code == 202
    return str(answer.get_json()["id"])


def refusal(response: TestResponse) -> tuple[str, int]:
    """The message of a 429, and the seconds after which to come again."""
    error = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (429, "rate_limit_exceeded")
    return str(error["message"]), int(response.headers["Retry-After"])


def end(store: Ledger, job_id: str, size: int = 20 * KIB, *, events: int = 0, model: str = "demo") -> None:
    """End a job whose result has so many bytes, and whose stream has so many events of a KiB."""
    held = store.leases.claim(job_id, HOLDER, model=model, call=job_id).job
    assert held is not None
    token = encode_token(index=0, text="x" * KIB, tokens=[7], finish_reason=None)
    store.leases.append(HOLDER, [Append(job_id, held.fence, 1, [token] * events)])
    choice = Choice(index=0, text="x" * size, finish_reason="stop")
    outcome = Outcome(choices=(choice,), usage=Usage(prompt_tokens=4, completion_tokens=1))
    assert endings.succeed(store.leases, HOLDER, job_id, held.fence, events, outcome) == "ok"


def ended(store: Ledger, size: int = 20 * KIB, most: int | None = None, owner: str = "alice") -> str:
    """A job that has just ended, and was accepted when there was room."""
    job = completion(owner=owner)
    assert verdict(store.admission.submit(job, longest_queue=10_000)) == "accepted"
    if most is not None:
        store.jobs._redis.hset(redis_keys.job(job.id), "result_bytes", most)
    end(store, job.id, size, model="fake")
    return job.id


def age(client: redis.Redis, seconds: float = LEAST_KEPT_SECONDS, owner: str = "alice") -> None:
    """Have an owner's jobs have ended so long ago, and those that wait to be looked at waited so long."""
    for key in (redis_keys.results(owner), redis_keys.thinning()):
        for member in map(str, client.zrange(key, 0, -1)):
            client.zincrby(key, -seconds, member)


def thin(store: Ledger) -> None:
    while store.line.thin() == SWEPT_AT_ONCE:
        pass


def counted(client: redis.Redis, owner: str = "alice") -> int:
    return int(client.hget(redis_keys.result_bytes(owner), "all") or 0)


def there(store: Ledger, job_ids: list[str]) -> list[str]:
    return [job_id for job_id in job_ids if store.jobs.get(job_id)]


def test_an_owners_results_fit_into_its_limit(
    settings: Settings, client: redis.Redis, keys: KeyStore, store: Ledger
) -> None:
    http, headers = front(settings), caller(keys, result_bytes=100 * KIB)
    ids = []
    for _ in range(4):
        ids.append(submit(http, headers))
        end(store, ids[-1])
    message, seconds = refusal(http.post("/jobs", json=BODY, headers=headers))
    assert f"and {100 * KIB} is its limit (result_bytes)" in message
    assert "POST /jobs/delete" in message
    assert 1 <= seconds <= 300
    submit(http, caller(keys, "bob"))
    thin(store)
    assert there(store, ids) == ids, "all ended a moment ago"

    age(client)
    thin(store)
    left = there(store, ids)
    assert 2 <= len(left) < 4, "no more than is needed is removed"
    assert left == ids[-len(left) :], "the oldest makes room"
    assert http.get(f"/jobs/{ids[0]}", headers=headers).status_code == 404
    end(store, submit(http, headers))
    assert client.hget(redis_keys.counters("demo"), "removed_early") == str(4 - len(left))


def test_one_owner_leaves_room_in_redis_for_the_results_of_others(
    settings: Settings, client: redis.Redis, keys: KeyStore, store: Ledger
) -> None:
    """It has no limit of its own, and sends as much as it may. A Redis that is full refuses everybody's jobs by 503."""
    client.config_set("maxmemory", client.info("memory")["used_memory"] + (32 << 20))
    try:
        http, alice = front(settings), caller(keys)
        for _ in range(40):
            answer = http.post("/jobs", json=BODY, headers=alice)
            if answer.status_code != 202:
                break
            end(store, answer.get_json()["id"], 1 << 20)
        refusal(answer)
        end(store, submit(http, caller(keys, "bob")), 1 << 20)
    finally:
        client.config_set("maxmemory", 0)


def test_an_owner_makes_room_by_deleting(
    settings: Settings, client: redis.Redis, keys: KeyStore, store: Ledger
) -> None:
    http, headers = front(settings), caller(keys, result_bytes=50 * KIB)
    ids = [submit(http, headers) for _ in range(3)]
    for job_id in ids:
        end(store, job_id)
    refusal(http.post("/jobs", json=BODY, headers=headers))
    assert http.post("/jobs/delete", json={"ids": ids}, headers=headers).status_code == 200
    assert not client.exists(redis_keys.result_bytes("alice"), redis_keys.results("alice"))
    submit(http, headers)


def test_what_counts_is_all_that_a_job_leaves(store: Ledger, client: redis.Redis) -> None:
    job = completion("x" * 30 * KIB, owner="alice")
    store.admission.submit(job, longest_queue=9)
    end(store, job.id, 40 * KIB, events=50, model="fake")
    assert 120 * KIB < counted(client) < 160 * KIB


def test_accepted_jobs_end_whatever_their_owners_jobs_take(store: Ledger, client: redis.Redis) -> None:
    jobs = [completion(owner="alice", result_bytes=10 * KIB) for _ in range(3)]
    for job in jobs:
        assert verdict(store.admission.submit(job, longest_queue=9)) == "accepted"
    for job in jobs:
        end(store, job.id, model="fake")
    assert len(there(store, [job.id for job in jobs])) == 3
    assert isinstance(store.admission.submit(completion(owner="alice", result_bytes=1), longest_queue=9), Kept)


def test_the_sweep_keeps_an_owner_below_its_limit_so_that_no_job_is_refused(
    settings: Settings, client: redis.Redis, store: Ledger
) -> None:
    sweeper = open_sweeper(settings, name="one", models=current("models: {fake: {path: fake}}"))
    for _ in range(60):
        ended(store, most=200 * KIB)
        age(client)
        sweeper.tick()
        assert counted(client) <= 180 * KIB
    assert client.dbsize() < 60


def test_one_call_looks_at_so_many_jobs_of_all_owners(store: Ledger, client: redis.Redis) -> None:
    for owner in ("alice", "bob"):
        ids = [ended(store, KIB, owner=owner) for _ in range(SWEPT_AT_ONCE)]
        assert verdict(store.admission.submit(completion(owner=owner, result_bytes=KIB), longest_queue=9)) == "kept"
        age(client, owner=owner)
    assert store.line.thin() == SWEPT_AT_ONCE
    assert store.line.thin() == SWEPT_AT_ONCE
    assert store.line.thin() == 0
    assert not there(store, ids)
    assert not client.exists(redis_keys.thinning())


def test_a_job_that_a_client_follows_is_not_removed(settings: Settings, store: Ledger, client: redis.Redis) -> None:
    services = front(settings).application.extensions["caravan"]
    job = completion(owner="alice", result_bytes=KIB)
    store.admission.submit(job, longest_queue=9)
    reader = follow(services, job.id)
    assert next(reader).type == "status"
    end(store, job.id, model="fake")
    age(client)
    thin(store)
    assert [event.type for event in reader][-1] == "done"
    assert there(store, [job.id])
    age(client)
    thin(store)
    assert not there(store, [job.id])


def test_a_job_of_which_a_webhook_is_to_tell_is_not_removed(store: Ledger, client: redis.Redis) -> None:
    job = completion(owner="alice", result_bytes=KIB, webhook="https://example.org/hook")
    store.admission.submit(job, longest_queue=9)
    end(store, job.id, model="fake")
    age(client)
    thin(store)
    assert there(store, [job.id])
    client.delete(redis_keys.hook(job.id))
    age(client)
    thin(store)
    assert not there(store, [job.id])


def test_the_rows_of_a_batch_are_not_removed_before_the_clerk_has_them(store: Ledger, client: redis.Redis) -> None:
    row = completion(owner="alice", result_bytes=KIB)
    store.admission.submit(row, longest_queue=9, idempotency=Idempotency(row.id, "batch_1"))
    end(store, row.id, model="fake")
    other = ended(store, most=KIB)
    age(client)
    thin(store)
    assert there(store, [row.id, other]) == [row.id]
    assert verdict(store.admission.submit(completion(owner="alice", result_bytes=KIB), longest_queue=9)) == "kept"
    store.admission.forget_many([row.id], owner="alice")
    assert counted(client) == 0


def test_a_removed_jobs_key_is_free_for_another(store: Ledger, client: redis.Redis) -> None:
    first, again = (completion(owner="alice", result_bytes=KIB) for _ in range(2))
    store.admission.submit(first, longest_queue=9, idempotency=Idempotency("k", "d"))
    end(store, first.id, model="fake")
    age(client)
    thin(store)
    reply = store.admission.submit(again, longest_queue=9, idempotency=Idempotency("k", "d"))
    assert verdict(reply) == "accepted"


def by_hand(client: redis.Redis, owner: str = "alice") -> int:
    """The account's sum, which has to be that of what is there."""
    account = {str(name): int(value) for name, value in client.hgetall(redis_keys.result_bytes(owner)).items()}
    kept = {str(job_id) for job_id in client.zrange(redis_keys.results(owner), 0, -1)}
    live = {str(job_id) for job_id in client.smembers(redis_keys.in_flight(owner))}
    assert account.keys() - {"all", "most"} == kept | live
    assert kept | live == {str(key).removeprefix("caravan:job:") for key in client.keys("caravan:job:*")}
    assert not kept & live
    return account.get("all", 0)


@pytest.mark.parametrize("seed", range(5))
def test_the_account_is_that_of_what_is_there_whatever_becomes_of_jobs(
    store: Ledger, client: redis.Redis, seed: int
) -> None:
    dice, live, gone = random.Random(seed), dict[str, Job](), dict[str, str]()

    def begin() -> None:
        job = completion(owner="alice", result_bytes=100 * KIB)
        if verdict(store.admission.submit(job, longest_queue=9999)) == "accepted":
            live[job.id] = job

    def succeed() -> None:
        job_id = dice.choice(list(live))
        gone[live.pop(job_id).id] = "succeeded"
        end(store, job_id, dice.randrange(9 * KIB), events=dice.randrange(3), model="fake")

    def cancel() -> None:
        job_id = dice.choice(list(live))
        gone[live.pop(job_id).id] = "cancelled"
        assert store.admission.cancel(job_id)

    def retry() -> None:
        for job_id in [job_id for job_id, status in gone.items() if status == "cancelled"][:1]:
            del gone[job_id]
            if store.admission.retry(job_id, owner="alice", longest_queue=9999) == "retried":
                live[job_id] = completion()

    def forget() -> None:
        store.admission.forget(dice.choice([*live, *gone]))

    def expire() -> None:
        (first,) = client.zrange(redis_keys.ended(), 0, 0)
        client.zadd(redis_keys.ended(), {str(first): 1})
        if dice.random() < 0.5:  # its record may go first
            client.delete(*(f"caravan:{kind}:{str(first)[2:38]}" for kind in ("job", "log")))
        store.line.tidy()

    acts: list[Callable[[], None]] = [begin, begin, succeed, cancel, retry, forget, expire, lambda: thin(store)]
    for _ in range(120):
        act = dice.choice(acts)
        if (act in (succeed, cancel) and not live) or (act is forget and not (live or gone)):
            continue
        if act is expire and not client.exists(redis_keys.ended()):
            continue
        act()
        age(client)
        for job_id in [*live, *gone]:
            if not client.exists(redis_keys.job(job_id)):
                live.pop(job_id, None)
                gone.pop(job_id, None)
        account = client.hgetall(redis_keys.result_bytes("alice"))
        sizes = [int(value) for name, value in account.items() if str(name) not in ("all", "most")]
        assert by_hand(client) == sum(sizes)


def test_jobs_that_wait_count_with_what_they_ask(settings: Settings, client: redis.Redis, keys: KeyStore) -> None:
    """5,000 jobs in flight of 1 MiB each would be more than Redis has."""
    http, headers = front(settings), caller(keys, result_bytes=100 * KIB)
    large = {**BODY, "prompt": "x" * 40 * KIB}
    ids = [str(http.post("/jobs", json=large, headers=headers).get_json()["id"]) for _ in range(3)]
    assert 120 * KIB < counted(client) < 160 * KIB
    message, seconds = refusal(http.post("/jobs", json=large, headers=headers))
    assert "(result_bytes)" in message
    assert seconds >= 1
    listed = http.post("/jobs", json=[large, BODY], headers=headers).get_json()["data"]
    assert [each["error"]["code"] for each in listed] == ["rate_limit_exceeded"] * 2
    submit(http, caller(keys, "bob", result_bytes=100 * KIB))
    assert http.post("/jobs/delete", json={"ids": ids[:1]}, headers=headers).status_code == 200
    submit(http, headers)


def test_a_retry_is_refused_where_a_submission_is(
    settings: Settings, client: redis.Redis, keys: KeyStore, store: Ledger
) -> None:
    http, headers = front(settings), caller(keys, result_bytes=50 * KIB)
    again = submit(http, headers)
    store.admission.cancel(again)
    filling = submit(http, headers)
    end(store, filling, 60 * KIB)
    refusal(http.post(f"/jobs/{again}/retry", headers=headers))
    before = store.jobs.get(again)
    assert before is not None
    assert before.status == "cancelled"
    store.admission.forget(filling)
    assert http.post(f"/jobs/{again}/retry", headers=headers).status_code == 202
    assert set(map(str, client.hkeys(redis_keys.result_bytes("alice")))) == {again, "all"}


def test_a_key_for_idempotency_and_a_receivers_message_count(store: Ledger, client: redis.Redis) -> None:
    def grown(job: Job, idempotency: Idempotency | None = None) -> tuple[int, int]:
        """What a job adds when it comes, and when it ends."""
        before = counted(client)
        assert verdict(store.admission.submit(job, longest_queue=99, idempotency=idempotency)) == "accepted"
        came = counted(client)
        end(store, job.id, 9, model="fake")
        return came - before, counted(client) - came

    plain, plain_end = grown(completion(owner="alice"))
    keyed, keyed_end = grown(completion(owner="alice"), Idempotency("k" * 200, "d" * 64))
    assert keyed > plain + 250
    assert abs(keyed_end - plain_end) < 100
    told = completion(owner="alice", webhook="https://example.org/hook", metadata={"a": "x" * 4 * KIB})
    assert grown(told)[1] > plain_end + 4 * KIB


def test_a_job_that_a_release_before_accepted_counts_from_its_end_on(store: Ledger, client: redis.Redis) -> None:
    job = completion(owner="alice", result_bytes=100 * KIB)
    store.admission.submit(job, longest_queue=9)
    client.delete(redis_keys.result_bytes("alice"))
    end(store, job.id, 9 * KIB, model="fake")
    assert 9 * KIB < counted(client) == int(client.hget(redis_keys.result_bytes("alice"), job.id) or 0)


def test_a_repeated_end_counts_once(store: Ledger, client: redis.Redis) -> None:
    job = completion(owner="alice")
    store.admission.submit(job, longest_queue=9)
    held = store.leases.claim(job.id, HOLDER, model="fake", call="c").job
    assert held is not None
    outcome = Outcome(choices=(), usage=Usage(prompt_tokens=4, completion_tokens=1))
    assert endings.succeed(store.leases, HOLDER, job.id, held.fence, 0, outcome) == "ok"
    once = counted(client)
    assert endings.succeed(store.leases, HOLDER, job.id, held.fence, 0, outcome) == "ok"
    assert counted(client) == once > 0


def test_jobs_of_a_release_that_does_not_count_leave_the_account(store: Ledger, client: redis.Redis) -> None:
    """It ends jobs, removes them and runs them again, all without a word to the account."""
    removed, again, uncounted = (ended(store, most=KIB) for _ in range(3))
    client.delete(redis_keys.job(removed), redis_keys.log(removed))
    client.hset(redis_keys.job(again), "status", "running")
    bytes_of_it = int(client.hget(redis_keys.result_bytes("alice"), uncounted) or 0)
    client.hdel(redis_keys.result_bytes("alice"), uncounted)
    client.zrem(redis_keys.results("alice"), uncounted)
    client.hincrby(redis_keys.result_bytes("alice"), "all", -bytes_of_it)
    store.admission.forget(uncounted)
    age(client)
    thin(store)
    assert there(store, [again]) == [again], "it runs"
    assert client.zcard(redis_keys.results("alice")) == 0


def test_what_another_release_has_removed_leaves_the_account_as_other_jobs_expire(
    store: Ledger, client: redis.Redis
) -> None:
    removed, expired, _ = (ended(store) for _ in range(3))
    client.delete(redis_keys.job(removed), redis_keys.log(removed))
    (listed,) = (each for each in client.zrange(redis_keys.ended(), 0, -1) if expired in str(each))
    client.zadd(redis_keys.ended(), {str(listed): 1})
    store.line.tidy()
    assert client.zcard(redis_keys.results("alice")) == 1
    assert by_hand(client) == counted(client)


def test_the_account_of_an_owner_who_comes_no_more_goes_by_itself(settings: Settings, client: redis.Redis) -> None:
    ended(open_ledger(settings.model_copy(update={"result_ttl": 100})))
    for key in (redis_keys.results("alice"), redis_keys.result_bytes("alice")):
        assert 100 < client.ttl(key) <= 3700


def test_full_memory_says_the_same_and_lets_results_go(store: Ledger, client: redis.Redis) -> None:
    first = ended(store, most=KIB)
    age(client)
    client.config_set("maxmemory", 1)
    try:
        assert isinstance(store.admission.submit(completion(owner="alice", result_bytes=KIB), longest_queue=9), Kept)
        thin(store)
        assert not there(store, [first])
    finally:
        client.config_set("maxmemory", 0)


def test_jobs_end_on_a_redis_that_tells_nobody_what_a_key_takes(
    redis_server: RedisServer, client: redis.Redis, settings: Settings
) -> None:
    client.acl_setuser("app", enabled=True, passwords=["+p"], keys="*", channels=["*"], commands=["+@all", "-memory"])
    try:
        url = redis_server.url.replace("redis://", "redis://app:p@")
        store = open_ledger(settings, connect(url))
        assert there(store, [ended(store, most=KIB)])
        assert counted(client) == 0
    finally:
        client.acl_deluser("app")


@pytest.mark.parametrize(
    ("changes", "redis_bytes", "expected"),
    [
        ({"all_result_bytes": 400 * KIB}, 0, 200 * KIB),
        ({}, 1 << 30, 1 << 28),
        ({"owner_share": 0.1}, 1 << 30, 53687091),
    ],
)
def test_an_owner_without_a_limit_has_a_share(
    settings: Settings,
    client: redis.Redis,
    keys: KeyStore,
    changes: dict[str, float],
    redis_bytes: int,
    expected: int,
) -> None:
    client.config_set("maxmemory", redis_bytes)
    try:
        http = front(settings, **changes)
        own, shared, admins = (
            client.hget(redis_keys.job(submit(http, headers)), "result_bytes")
            for headers in (caller(keys, "bob", result_bytes=1 << 40), caller(keys), bearer(ADMIN_KEY))
        )
    finally:
        client.config_set("maxmemory", 0)
    assert (own, shared, admins) == (str(1 << 40), str(expected), None)


def test_without_keys_results_have_no_bound(settings: Settings, client: redis.Redis) -> None:
    http = front(settings, keys=False, admin_key=None, all_result_bytes=1)
    assert client.hget(redis_keys.job(submit(http, {})), "result_bytes") is None


def rows_of(batch: Batch, count: int) -> Iterator[Row]:
    for number in range(count):
        body = {"model": "demo", "prompt": f"{number}", "max_tokens": 9}
        yield Row(number, batch.job_id(number), f"row-{number}", body, Checkpoint(number + 1, number + 2))


def feeder_over(client: redis.Redis, settings: Settings, count: int, *, most: int = KIB) -> tuple[Feeder, Batch]:
    """A feeder for a batch of an owner who has as many bytes as it may have, with workers for all rows."""
    ledger = open_ledger(settings)
    ended(ledger)
    ledger.workers.report("demo", "w1", 60, {"slots": 1000, "capacity": 1000, "busy": 0})
    batch = Batch(
        id=new_id(), owner="alice", endpoint="/v1/completions", input_file_id="file-1", completion_window="24h",
        limits=Limits(result_bytes=most),
    )  # fmt: skip
    work = BatchLedger(
        client,
        ledger.jobs,
        ledger.admission,
        open_batches(settings, client),
        Dispatcher(ledger.line, create_publisher(settings)),
        10_000,
    )
    endpoints = LineEndpoints(CurrentCatalogue(None))
    return Feeder(batch, rows_of(batch, count), work, endpoints, first=0), batch


def waiting(client: redis.Redis) -> set[str]:
    return {str(job_id) for job_id in client.zrange(redis_keys.pending("demo"), 0, -1)}


def test_a_batch_gets_on_though_its_owners_jobs_take_all_that_they_may(
    settings: Settings, client: redis.Redis, store: Ledger
) -> None:
    """The rows that are written next are accepted, in whatever order they come; others wait."""
    feeder, batch = feeder_over(client, settings, 2 * BLOCK_ROWS)
    done = 0
    while not feeder.done:
        feeder._refused_until = 0.0
        feeder.feed()
        jobs = waiting(client)
        assert 0 < len(jobs) <= BLOCK_ROWS
        for job_id in jobs:
            end(store, job_id, 10)
        feeder.look()
        written = [row.number for row, _ in feeder.ready()]
        assert written == list(range(done, done + len(written)))
        done += len(written)
        store.admission.forget_many((batch.job_id(number) for number in written), owner="alice")
    assert done == 2 * BLOCK_ROWS


def test_a_batch_asks_again_for_the_first_row_that_is_gone(
    settings: Settings, client: redis.Redis, store: Ledger
) -> None:
    most = 4 << 20
    feeder, batch = feeder_over(client, settings, 2 * BLOCK_ROWS, most=most)
    feeder.feed()
    assert waiting(client) == {batch.job_id(number) for number in range(2 * BLOCK_ROWS)}
    late = batch.job_id(BLOCK_ROWS + 9)
    store.admission.forget_many([late, batch.job_id(0)], owner="alice")
    ended(store, most)
    feeder.look()
    feeder.feed()
    assert batch.job_id(0) in waiting(client)
    assert late not in waiting(client)


def test_the_jobs_of_a_list_have_the_limit_too(settings: Settings, keys: KeyStore, store: Ledger) -> None:
    http, headers = front(settings), caller(keys, result_bytes=20 * KIB)
    found = http.post("/jobs", json=[BODY], headers=headers).get_json()
    end(store, found["data"][0]["id"])
    again = http.post("/jobs", json=[BODY, BODY], headers=headers).get_json()
    assert [each["error"]["code"] for each in again["data"]] == ["rate_limit_exceeded"] * 2
