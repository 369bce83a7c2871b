"""Workers of the fake model around one Redis, without a front: what faults are tried on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tasks.engine.engine import Engine
from tasks.engine.fake import FakeBackend
from tasks.ledger import event_stream, redis_keys
from tasks.ledger.connection import connect
from tasks.ledger.ledger import open_ledger
from tasks.queue.dispatch import Dispatcher
from tasks.queue.publisher import create_publisher
from tasks.queue.service import QueueService
from tasks.records.event import Event
from tasks.records.job import Job, JobStatus
from tasks.settings import Settings
from tasks.worker.held import Held
from tasks.worker.prepare import prepare
from tests.support.jobs import completion
from tests.support.processes import Process
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

T = TypeVar("T")

CONTEXT = 512
LONG = 150
"""Tokens of a job that is still running when something happens to its worker: three seconds of steps."""


class Ledger:
    """What a test sees of jobs: their records and streams in Redis, whatever the front says."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        self.store = open_ledger(Settings(redis_url=url))

    def close(self) -> None:
        self.redis.close()

    def find(self, job_id: str) -> Job:
        found = self.store.jobs.get(job_id)
        assert found is not None
        return found

    def job(self, job: Job) -> Job:
        """As it is now."""
        return self.find(job.id)

    def events(self, job: Job) -> list[Event]:
        return event_stream.read(self.redis, job.id)

    def num_tokens(self, job: Job) -> int:
        return sum(len(event.tokens) for event in self.events(job))

    def all_run(self, jobs: Iterable[Job], worker: str = "") -> bool:
        """Whether all are running and have said something; on one worker, if it is named."""
        found = [self.job(job) for job in jobs]
        return all(
            job.status is JobStatus.RUNNING and worker in ("", job.worker) and self.num_tokens(job) for job in found
        )

    def ended(self, jobs: Iterable[Job], *, seconds: float = 60) -> list[Job]:
        """The jobs once all have ended."""
        wanted = list(jobs)

        def all_ended() -> list[Job] | None:
            found = self.store.jobs.get_many(job.id for job in wanted)
            return found if all(job.status.ended for job in found) else None

        return self.until(all_ended, seconds=seconds, what="all jobs have ended")

    def until(self, condition: Callable[[], T | None], *, seconds: float = 60, what: str = "the condition") -> T:
        return until(condition, seconds=seconds, what=what)


class Crew(Ledger):
    """Starts workers of the fake model, and again under their names those that die, while the test waits."""

    def __init__(self, folder: Path, server: RedisServer, *, slots: int = 16, lease_seconds: float = 2.0) -> None:
        super().__init__(server.url)
        self.lease_seconds = lease_seconds
        dispatcher = Dispatcher(self.store.line, create_publisher(Settings(redis_url=server.url)))
        self._submitter = QueueService(self.store.admission, self.store.wants, dispatcher, longest_queue=1000)
        self._folder = folder
        self._workers: dict[str, Process] = {}
        self._kept: set[str] = set()
        models = folder / "models.yaml"
        models.write_text(f"models: {fake_model(slots)}")
        self._env = {
            "CARAVAN_REDIS_URL": server.url,
            "CARAVAN_MODELS_FILE": str(models),
            "CARAVAN_LEASE_SECONDS": str(lease_seconds),
            "CARAVAN_UNCLAIMED_SECONDS": "1",
            "CARAVAN_DRAIN_SECONDS": "0.2",
        }

    def start(
        self, name: str, *, program: str = "tasks.worker", keep: bool = False, env: Mapping[str, str] | None = None
    ) -> Process:
        """A worker that has reported itself. With `keep` it is started again whenever it has died."""
        arguments = ["-m", program, "fake", "--name", name]
        process = Process(arguments, env={**self._env, **(env or {})}, log=self._folder / f"{name}.log")
        process.start()
        self._workers[name] = process
        if keep:
            self._kept.add(name)
        until(lambda: self.redis.exists(redis_keys.worker(name)), what=f"worker {name} reports itself")
        return process

    def stop(self) -> None:
        for process in self._workers.values():
            if process.running:
                process.kill()
        self.close()

    def submit(self, prompt: str, *, tokens: int = LONG, **sampling: Any) -> Job:
        """An accepted job that says so many tokens."""
        job = completion(prompt, sampling={"max_tokens": tokens, "ignore_eos": True, **sampling})
        self._submitter.submit(job)
        return job

    def cancel(self, job: Job) -> None:
        self._submitter.cancel(job.id, owner=job.owner)

    def until(self, condition: Callable[[], T | None], *, seconds: float = 60, what: str = "the condition") -> T:
        """Wait for a condition, and keep workers alive meanwhile."""

        def tended() -> T | None:
            self._tend()
            return condition()

        try:
            return super().until(tended, seconds=seconds, what=what)
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self._output()}") from None

    def _tend(self) -> None:
        for name in self._kept:
            process = self._workers[name]
            if not process.running:
                process.start()

    def _output(self) -> str:
        """What the workers said, for a failing test to show."""
        return "\n".join(f"{name}:\n{process.output()[-6000:]}" for name, process in self._workers.items())


def fake_model(slots: int) -> str:
    """The fake model in a models file."""
    return f"{{fake: {{path: fake, slots: {slots}, context: {CONTEXT}, kv_tokens: {slots * CONTEXT}}}}}"


def fake_body(prompt: str, *, tokens: int = LONG) -> dict[str, Any]:
    """The body of a completion with the fake model."""
    return {"model": "fake", "prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True}


def undisturbed(job: Job) -> list[str]:
    """The texts of a job's choices when nothing else runs and nothing happens."""
    backend = FakeBackend(num_slots=4, context=CONTEXT, cache_tokens=4 * CONTEXT)
    sequences = prepare(Held(job), backend)
    engine = Engine(backend)
    engine.submit(sequences)
    while engine.wait(0):
        engine.step()
    return [sequence.text for sequence in sequences]


def assert_whole(events: list[Event], job: Job) -> None:
    """A stream that nothing is missing from and nothing is twice in, of a job that succeeded.

    Each fence's events are numbered from 0 without a gap, and fences rise. The tokens are as many as the job's, and
    their texts make the result, which is that of an undisturbed run.
    """
    assert job.status is JobStatus.SUCCEEDED, job
    assert job.outcome is not None
    fences = list(dict.fromkeys(event.cursor.fence for event in events))
    assert fences == sorted(fences)
    for fence in fences:
        numbers = [event.cursor.seq for event in events if event.cursor.fence == fence]
        assert numbers == list(range(len(numbers)))
    assert all((event.type == "token") is (event.cursor.seq > 0) for event in events)
    assert [event.status for event in events if event.type == "done"] == ["succeeded"]
    assert events[-1].type == "done"
    assert sum(len(event.tokens) for event in events) == job.outcome.usage.completion_tokens
    texts = [choice.text for choice in job.outcome.choices]
    for index, text in enumerate(texts):
        assert "".join(event.text for event in events if event.index == index) == text
    assert texts == undisturbed(job)
