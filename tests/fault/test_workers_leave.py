"""Workers are restarted one by one, or lost for good: their jobs go on at the others."""

from __future__ import annotations

from tasks.ledger import redis_keys
from tests.support.crew import Crew, assert_whole

GRACE_SECONDS = 1.0
"""Beyond what is promised: other programs run on this machine."""
PROMISED_SECONDS = 2.0
"""After its lease has run out a job runs again."""


def test_a_rolling_restart_blames_nothing_and_breaks_no_stream(crew: Crew) -> None:
    workers = [crew.start("w1"), crew.start("w2")]
    jobs = [crew.submit(f"{number}") for number in range(16)]
    for number, worker in enumerate(workers):
        crew.until(lambda number=number: any(crew.job(job).worker == f"w{number + 1}" for job in jobs))  # type: ignore[misc]
        assert worker.stop() == 0
        worker.start()
    done = crew.ended(jobs)
    for job in done:
        assert (job.crashes, job.deaths) == (0, ())
        assert_whole(crew.events(job), job)
    assert max(job.attempt for job in done) > 1


def test_jobs_of_a_lost_worker_run_elsewhere_two_seconds_after_their_leases(crew: Crew) -> None:
    lost = crew.start("w1")
    crew.until(lambda: crew.redis.get(redis_keys.sweep_leader()) == "w1", what="the one that will be lost sweeps")
    jobs = [crew.submit(f"{number}", tokens=400) for number in range(12)]
    crew.until(lambda: crew.all_run(jobs, "w1"))
    crew.start("w2")  # takes its time, but not as long as the jobs
    lost.kill()
    seconds, microseconds = crew.redis.time()
    for job in crew.ended(jobs):
        events = crew.events(job)
        began_again = max(event.cursor.fence for event in events if event.status == "running") / 1000
        assert job.attempt == 2
        assert began_again - seconds - microseconds / 1e6 < crew.lease_seconds + PROMISED_SECONDS + GRACE_SECONDS
        assert_whole(events, job)
