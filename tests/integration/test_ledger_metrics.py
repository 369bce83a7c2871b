"""What the ledger counts, and what a scrape makes of it, on a real Redis."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
import redis
from prometheus_client import CollectorRegistry, generate_latest

from tasks.ledger import redis_keys
from tasks.ledger.connection import RedisErrors, connect
from tasks.ledger.histograms import BOUNDS, BY_PRIORITY, DURATIONS, TOLD
from tasks.ledger.leases import Append
from tasks.ledger.ledger import Ledger
from tasks.ledger.prometheus import GIVEN_BACK, LedgerCollector
from tasks.records.job import Job, JobStatus, Priority, QueueState
from tasks.records.outcome import Choice, Outcome, Timings, Usage
from tasks.settings import Settings
from tasks.webhooks.outbox import open_outbox
from tests.integration.test_ledger import HOLDER, TOKEN, accept, append, claim, try_claim
from tests.support import endings
from tests.support.redis_server import RedisServer

TIMINGS = Timings(queue_seconds=0.3, prefill_seconds=0.04, decode_seconds=1.8, tokens_per_second=5.0)
"""Nine tokens: 0.225 s between two."""
OUTCOME = Outcome(
    choices=(Choice(index=0, text="upon", finish_reason="stop"),),
    usage=Usage(prompt_tokens=40, completion_tokens=9, cached_tokens=32),
    timings=TIMINGS,
)


class Scrape:
    """One scrape of the model ``fake``."""

    def __init__(self, client: redis.Redis) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(LedgerCollector(client, ["fake"]))

    def __call__(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(name, labels)

    def of_model(self, name: str, **labels: str) -> float | None:
        return self(name, model="fake", **labels)

    def durations(self, part: str, priority: str = "normal") -> dict[str, float | None]:
        """The sum or the count of each histogram; of all priorities, where it is not told by priority."""
        return {name: self._of(name, part, priority) for name in DURATIONS}

    def bucket(self, duration: str, le: str, priority: str = "normal") -> float | None:
        return self._of(duration, "bucket", priority, le=le)

    def _of(self, duration: str, part: str, priority: str, **labels: str) -> float | None:
        by_priority = {"priority": priority} if duration in BY_PRIORITY else {}
        return self.of_model(f"caravan_job_{duration}_seconds_{part}", **by_priority, **labels)


@pytest.fixture
def scrape(client: redis.Redis) -> Scrape:
    return Scrape(client)


def succeed(store: Ledger, held: Job, outcome: Outcome = OUTCOME, *, num_events: int = 0) -> None:
    assert endings.succeed(store.leases, HOLDER, held.id, held.fence, num_events, outcome) == "ok"


def accepted_before(client: redis.Redis, job: Job, seconds: float) -> None:
    """Make a job older than it is."""
    at = float(str(client.hget(redis_keys.job(job.id), "created_at"))) - seconds
    client.hset(redis_keys.job(job.id), mapping={"created_at": at, "place": at})


def test_jobs_are_counted_by_status_and_priority(store: Ledger, scrape: Scrape) -> None:
    succeed(store, claim(store, accept(store, priority=Priority.HIGH)))
    store.admission.cancel(accept(store, priority=Priority.LOW).id)
    accept(store)
    found = {
        (status, priority.value): count
        for status in ("accepted", "succeeded", "cancelled", "failed", "expired")
        for priority in Priority
        if (count := scrape.of_model("caravan_jobs_total", status=status, priority=priority.value))
    }
    accepted = {("accepted", priority.value): 1 for priority in Priority}
    assert found == accepted | {("succeeded", "high"): 1, ("cancelled", "low"): 1}


def test_a_job_that_succeeds_is_in_every_histogram(store: Ledger, client: redis.Redis, scrape: Scrape) -> None:
    job = accept(store)
    accepted_before(client, job, 3)
    held = claim(store, job)
    assert append(store, held, 1) == "ok"
    succeed(store, held, num_events=1)
    assert scrape.durations("count") == dict.fromkeys(DURATIONS, 1)
    sums = scrape.durations("sum")
    assert (sums["wait"], sums["prefill"], sums["token"]) == pytest.approx((0.3, 0.04, 0.225))
    assert sums["total"] == pytest.approx(3, abs=0.5)
    assert sums["first_token"] == pytest.approx(3, abs=0.5)
    assert [scrape.bucket("prefill", le) for le in ("0.025", "0.1", "60.0", "+Inf")] == [0, 1, 1, 1]
    assert [scrape.bucket("total", le) for le in ("2.5", "5.0", "+Inf")] == [0, 1, 1]
    high = {name: count for name, count in scrape.durations("count", "high").items() if name in BY_PRIORITY}
    assert high == dict.fromkeys(BY_PRIORITY, None), "nobody sent one of these"
    kinds = ("prompt", "cached", "completion")
    assert [scrape.of_model("caravan_tokens_total", kind=kind) for kind in kinds] == [40, 32, 9]


def test_a_histogram_begins_at_0_when_its_first_job_is_accepted(store: Ledger, scrape: Scrape) -> None:
    assert scrape.durations("count", "low") == dict.fromkeys(DURATIONS, None)
    accept(store, priority=Priority.LOW)
    assert scrape.durations("count", "low") == dict.fromkeys(DURATIONS, 0)
    assert scrape.durations("count", "high")["wait"] is None
    assert scrape.bucket("wait", "+Inf", "low") == 0


def test_models_that_nobody_asks_make_the_page_no_longer_than_their_counters(client: redis.Redis) -> None:
    registry = CollectorRegistry()
    registry.register(LedgerCollector(client, [f"model-{number}" for number in range(5)]))
    page = generate_latest(registry).decode()
    assert "_bucket{" not in page
    assert sum(not line.startswith("#") for line in page.splitlines()) < 5 * 50


def test_a_duration_on_a_bound_is_within_it(store: Ledger, scrape: Scrape) -> None:
    timings = Timings(queue_seconds=0.5, prefill_seconds=5000.0, decode_seconds=0.0, tokens_per_second=None)
    succeed(store, claim(store, accept(store)), Outcome(choices=(), usage=OUTCOME.usage, timings=timings))
    assert [scrape.bucket("wait", le) for le in ("0.1", "0.5")] == [0, 1]
    assert [scrape.bucket("prefill", le) for le in (f"{float(TOLD['prefill'][-1])}", "+Inf")] == [0, 1]


def test_what_is_counted_under_a_bound_that_is_not_told_is_in_the_next_larger_bucket(
    client: redis.Redis, scrape: Scrape
) -> None:
    """So a release that tells fewer bounds than the one before has the same counts."""
    for bound in (*BOUNDS, "+Inf"):
        client.hset(redis_keys.histograms("fake"), f"wait:normal:{bound}", "1")
    told = {le: scrape.bucket("wait", str(float(le))) for le in TOLD["wait"]}
    assert told == {le: sum(float(bound) <= float(le) for bound in BOUNDS) for le in TOLD["wait"]}
    assert scrape.durations("count")["wait"] == len(BOUNDS) + 1


def test_durations_that_hardly_depend_on_it_are_told_of_all_priorities(store: Ledger, scrape: Scrape) -> None:
    for priority in Priority:
        succeed(store, claim(store, accept(store, priority=priority)))
    counts = scrape.durations("count")
    assert (counts["prefill"], counts["token"], counts["wait"], counts["total"]) == (3, 3, 1, 1)


def test_an_end_that_is_told_twice_is_counted_once(store: Ledger, scrape: Scrape) -> None:
    held = claim(store, accept(store))
    for _ in range(2):
        succeed(store, held)
    assert scrape.durations("count")["total"] == 1
    assert scrape.of_model("caravan_jobs_total", status="succeeded", priority="normal") == 1


def test_the_first_token_is_that_of_the_first_attempt(store: Ledger, client: redis.Redis, scrape: Scrape) -> None:
    job = accept(store)
    held = claim(store, job)
    append(store, held, 1)
    store.leases.give_back(HOLDER, held.id, held.fence, 1, "outranked")
    time.sleep(0.3)
    again = claim(store, job)
    append(store, again, 1)
    succeed(store, again, num_events=1)
    sums = scrape.durations("sum")
    assert sums["total"] is not None
    assert sums["first_token"] is not None
    assert sums["total"] - sums["first_token"] > 0.29
    assert scrape.of_model("caravan_jobs_resumed_total") == 1


def test_a_job_that_is_run_again_counts_from_then(store: Ledger, client: redis.Redis, scrape: Scrape) -> None:
    job = accept(store)
    accepted_before(client, job, 100)
    held = claim(store, job)
    append(store, held, 1)
    store.admission.cancel(job.id)
    assert store.admission.retry(job.id, owner="local", longest_queue=9) == "retried"
    again = claim(store, job)
    append(store, again, 1)
    late = Timings(queue_seconds=100.2, prefill_seconds=0.1, decode_seconds=0.1, tokens_per_second=10.0)
    succeed(store, again, Outcome(choices=(), usage=OUTCOME.usage, timings=late), num_events=1)
    sums = scrape.durations("sum")
    assert all(seconds is not None and seconds < 5 for seconds in sums.values())
    assert sums["first_token"], "the first attempt's token came before the job was asked for again"
    assert scrape.of_model("caravan_jobs_total", status="accepted", priority="normal") == 2


def test_what_does_not_succeed_has_no_durations(store: Ledger, scrape: Scrape) -> None:
    held = claim(store, accept(store))
    assert endings.fail(store.leases, HOLDER, held.id, held.fence, 0, "{}") == "ok"
    assert scrape.durations("count") == dict.fromkeys(DURATIONS, 0)
    assert scrape.of_model("caravan_jobs_total", status="failed", priority="normal") == 1


@pytest.mark.parametrize("reason", GIVEN_BACK)
def test_what_goes_back_to_the_line_is_counted_by_its_reason(store: Ledger, scrape: Scrape, reason: str) -> None:
    held = claim(store, accept(store))
    if reason == "failed":
        endings.put_off(store.leases, HOLDER, held.id, held.fence, 0, "{}", seconds=1)
    elif reason == "lease_expired":
        time.sleep(0.5)
        assert store.line.sweep("fake").reclaimed == 1
    elif reason in ("crashed", "killed", "worker_restarted"):
        assert store.workers.release("fake", "w1", reason=reason).reclaimed == 1  # type: ignore[arg-type]
    else:
        store.leases.give_back(HOLDER, held.id, held.fence, 0, reason)  # type: ignore[arg-type]
    found = {each: scrape.of_model("caravan_jobs_given_back_total", reason=each) for each in GIVEN_BACK}
    assert found == {each: int(each == reason) for each in GIVEN_BACK}
    assert scrape.of_model("caravan_jobs_resumed_total") == 0


def test_dead_letters_are_counted_and_kept(store: Ledger, scrape: Scrape) -> None:
    job = accept(store)
    for _ in range(3):
        claim(store, job)
        store.workers.begin_trial("w1", job.id)
        store.workers.release("fake", "w1", reason="crashed")
    dead = store.jobs.get(job.id)
    assert dead is not None
    assert dead.status is JobStatus.FAILED
    assert scrape.of_model("caravan_dead_letters_total") == 1
    assert scrape.of_model("caravan_dead_letters_kept") == 1
    store.admission.retry(job.id, owner="local", longest_queue=9)
    assert scrape.of_model("caravan_dead_letters_total") == 1
    assert scrape.of_model("caravan_dead_letters_kept") == 0


def test_messages_that_nobody_claims_are_counted(store: Ledger, scrape: Scrape) -> None:
    for _ in range(3):
        accept(store)
    store.workers.report("fake", "w1", 9, {"capacity": 2, "slots": 2})
    assert len(store.line.take("fake")) == 2
    time.sleep(0.3)
    assert store.line.sweep("fake").unclaimed == 2
    assert scrape.of_model("caravan_messages_unclaimed_total") == 2


def test_webhooks_are_counted_while_they_wait_and_when_they_end(
    store: Ledger, settings: Settings, client: redis.Redis, scrape: Scrape
) -> None:
    outbox = open_outbox(settings, client)
    for _ in range(3):
        store.admission.cancel(accept(store, webhook="https://receiver.example/hook").id)
    assert scrape("caravan_webhooks_pending") == 3
    for job_id, verdict in zip(outbox.post(), ("delivered", "failed", "pending"), strict=True):
        held = outbox.claim(job_id)
        assert held is not None
        told = {"delivered": {"status": 204}, "failed": {"status": 410}, "pending": {"error": "timeout"}}[verdict]
        assert outbox.settle(held, verdict, seconds=60, **told)  # type: ignore[arg-type]
    assert scrape("caravan_webhooks_pending") == 1
    age = scrape("caravan_webhook_oldest_age_seconds")
    assert age is not None
    assert 0 <= age < 5
    assert [scrape("caravan_webhooks_total", verdict=verdict) for verdict in ("delivered", "given_up")] == [1, 1]
    assert [scrape("caravan_webhook_attempts_total", result=result) for result in ("2xx", "4xx", "timeout")] == [
        1,
        1,
        1,
    ]


def test_an_empty_ledger_tells_zeros(scrape: Scrape) -> None:
    """A series that begins at its first increase hides it from `increase()`."""
    assert scrape("caravan_redis_up") == 1
    assert scrape.of_model("caravan_jobs_total", status="failed", priority="high") == 0
    assert scrape.of_model("caravan_workers") == 0
    assert scrape.of_model("caravan_dead_letters_total") == 0
    assert scrape("caravan_webhooks_pending") == 0


def test_a_queue_tells_whether_it_is_open(store: Ledger, scrape: Scrape) -> None:
    found = []
    for state in QueueState:
        store.admission.set_queue_state("fake", state)
        found.append(scrape.of_model("caravan_queue_open"))
    assert found == [1, 0, 0]


def test_a_worker_of_another_version_is_told_as_far_as_it_can_be(store: Ledger, scrape: Scrape) -> None:
    told: Mapping[str, str | int | float] = {"slots": 4, "steps": 7, "news": "of a later version"}
    store.workers.report("fake", "w1", 9, told)
    assert scrape.of_model("caravan_worker_slots", worker="w1") == 4
    assert scrape.of_model("caravan_worker_steps_total", worker="w1") == 7
    assert scrape.of_model("caravan_worker_busy", worker="w1") is None
    assert scrape.of_model("caravan_workers") == 1


def test_what_redis_forgot_does_not_break_a_scrape(store: Ledger, client: redis.Redis, scrape: Scrape) -> None:
    succeed(store, claim(store, accept(store)))
    client.flushall()
    assert scrape("caravan_redis_up") == 1
    assert scrape.of_model("caravan_jobs_total", status="succeeded", priority="normal") == 0
    assert scrape.durations("count")["total"] is None


def test_a_ledger_that_refuses_or_is_away_is_not_up(
    client: redis.Redis, redis_server: RedisServer, scrape: Scrape
) -> None:
    client.set(redis_keys.totals("fake"), "no hash")
    assert scrape("caravan_redis_up") == 0
    assert scrape.of_model("caravan_queue_open") is None
    nobody = connect("redis://127.0.0.1:1/0")
    assert Scrape(nobody)("caravan_redis_up") == 0


def test_calls_that_redis_does_not_carry_out_are_counted(client: redis.Redis, redis_server: RedisServer) -> None:
    errors = RedisErrors()
    for url in ("redis://127.0.0.1:1/0", redis_server.url):
        counted = connect(url, errors=errors)
        with pytest.raises(redis.RedisError):
            counted.hset("key", "field", "1") if "127.0.0.1:1/" in url else counted.eval("nonsense", 0)
        counted.close()
    assert errors.count == 1, "an absence, and not a fault of ours"


def test_a_lost_claim_that_its_worker_writes_again_keeps_its_first_token(
    store: Ledger, client: redis.Redis, scrape: Scrape
) -> None:
    """Redis came back without its last moments: the worker's next events count as the first."""
    held = claim(store, accept(store))
    before = client.dump(redis_keys.job(held.id))
    append(store, held, 1)
    assert before is not None
    client.restore(redis_keys.job(held.id), 0, before, replace=True)
    assert store.leases.append(HOLDER, [Append(held.id, held.fence, 2, [TOKEN])]) == ["unread"]
    succeed(store, held, num_events=2)
    assert scrape.durations("count")["first_token"] == 1
    assert try_claim(store, held.id).status == "succeeded"
