"""Processes of two releases side by side, the newer one with another form of the job record: nothing is lost.

The newer release is a copy of this one that wraps a job's request in a list, and reads both forms; it also counts a
kind of tokens that the older one does not know.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import tasks
from tests.support.cluster import chat
from tests.support.crew import Ledger
from tests.support.processes import Process
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import until

COUNT = 12
MODELS = "models: {demo: {path: demo, slots: 4, context: 512, kv_tokens: 2048}}"
CHANGES = (
    ("job.py", "VERSIONS = range(1, 4)", "VERSIONS = range(1, 5)"),
    ("job.py", "self._version", "VERSIONS[-1]"),
    ("job.py", '"request": json.dumps(self.request,', '"request": json.dumps([self.request],'),
    ("outcome.py", "    cached_tokens: int = 0\n", "    cached_tokens: int = 0\n    draft_tokens: int = 0\n"),
    ("job.py", 'request=json.loads(fields["request"]),', 'request=_unwrapped(json.loads(fields["request"])),'),
)
UNWRAPPED = "\n\ndef _unwrapped(kept: Any) -> Any:\n    return kept[0] if isinstance(kept, list) else kept\n"


def copy(folder: Path) -> Path:
    """This release."""
    root = Path(tasks.__file__).parents[1]
    for package in ("app", "tasks", "app/client/caravan_client"):
        shutil.copytree(root / package, folder / Path(package).name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def newer(folder: Path) -> Path:
    """A release after this one."""
    records = copy(folder) / "tasks" / "records"
    for file, before, after in CHANGES:
        text = (records / file).read_text()
        assert text.count(before) == 1, before
        (records / file).write_text(text.replace(before, after))
    with (records / "job.py").open("a") as job:
        job.write(UNWRAPPED)
    return folder


class Release:
    """The processes of one release."""

    def __init__(self, tree: Path, logs: Path, server: RedisServer, models: Path) -> None:
        self.port = free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self._logs = logs
        self._processes: dict[str, Process] = {}
        self._env = {
            "PYTHONPATH": str(tree),
            "CARAVAN_REDIS_URL": server.url,
            "CARAVAN_MODELS_FILE": str(models),
            "CARAVAN_WEB_PROCESSES": "1",
            "CARAVAN_PORT": str(self.port),
            "CARAVAN_THREADS": "1",
            "CARAVAN_LEASE_SECONDS": "2",
            "CARAVAN_UNCLAIMED_SECONDS": "1",
            "CARAVAN_DRAIN_SECONDS": "0.2",
        }

    def start(self, *programs: str) -> None:
        arguments = {
            "web": ["-P", "-m", "app.cli", "web"],
            "clerk": ["-P", "-m", "app.cli", "clerk"],
            "worker": ["-P", "-m", "tasks.worker", "demo", "--name", self._logs.name],
        }
        for program in programs:
            self._processes[program] = Process(
                arguments[program], env=self._env, log=self._logs.with_name(f"{self._logs.name}-{program}.log")
            )
            self._processes[program].start()
        if "web" in programs:
            until(self._answers, what="the front answers")

    def stop(self, *programs: str) -> None:
        """As a rolling restart does."""
        for program in programs or [program for program, process in self._processes.items() if process.running]:
            self._processes[program].stop()

    def submit(self, start: int, count: int = COUNT) -> list[str]:
        """Jobs that are under way for a while."""
        bodies = [chat(f"Count from {number} to {number + 30}.") for number in range(start, start + count)]
        answers = [self.http.post("/jobs", json=body) for body in bodies]
        assert {answer.status_code for answer in answers} == {202}
        return [answer.json()["id"] for answer in answers]

    def ended(self, job_id: str) -> dict[str, Any]:
        """As a client waits that minds 503."""

        def found() -> dict[str, Any] | None:
            answer = self.http.get(f"/jobs/{job_id}", params={"wait": 5})
            assert answer.status_code in (200, 503), answer.text
            job: dict[str, Any] = answer.json()
            return job if answer.status_code == 200 and job["finished_at"] else None

        return until(found, seconds=60, what=f"{job_id} has ended")

    def _answers(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture
def releases(tmp_path: Path) -> Iterator[tuple[Release, Release]]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    models = tmp_path / "models.yaml"
    models.write_text(MODELS)
    old = Release(copy(tmp_path / "old"), tmp_path / "of-old", server, models)
    new = Release(newer(tmp_path / "new"), tmp_path / "of-new", server, models)
    yield old, new
    for release in (new, old):
        release.stop()
        release.http.close()
    server.stop()


@pytest.fixture
def ledger(releases: tuple[Release, Release]) -> Iterator[Ledger]:
    reading = Ledger(releases[0]._env["CARAVAN_REDIS_URL"])
    yield reading
    reading.close()


def test_a_rolling_restart_over_two_forms_of_the_record_loses_nothing(
    releases: tuple[Release, Release], ledger: Ledger
) -> None:
    old, new = releases
    old.start("web", "clerk", "worker")
    jobs = old.submit(start=1)
    new.start("web", "worker")
    jobs += new.submit(start=20)  # the old worker leaves these alone
    refused = old.http.get(f"/jobs/{jobs[-1]}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "record_too_new")
    assert "Retry-After" in refused.headers
    jobs += old.submit(start=40)
    until(
        lambda: any(old.http.get(f"/jobs/{job_id}").json().get("attempt") for job_id in jobs[:COUNT]), what="they run"
    )
    old.stop("worker")
    new.start("clerk")
    assert {old.ended(job_id)["status"] for job_id in jobs[:COUNT]} == {"succeeded"}  # by the new worker
    old.stop("web", "clerk")
    jobs += new.submit(start=60)
    for job_id in jobs:
        job = new.ended(job_id)
        assert job["status"] == "succeeded", job
    assert {ledger.redis.hget(f"caravan:job:{job_id}", "v") for job_id in jobs} == {"1", "4"}


def test_old_processes_alone_leave_newer_jobs_alone_until_newer_ones_are_back(
    releases: tuple[Release, Release], ledger: Ledger
) -> None:
    old, new = releases
    new.start("web")
    jobs = new.submit(start=1, count=100)
    old.start("clerk", "worker", "web")
    assert old.ended(old.submit(start=20)[-1])["status"] == "succeeded"  # though they stand behind the newer ones
    assert {new.http.get(f"/jobs/{job_id}").json()["status"] for job_id in jobs} == {"queued"}
    old.stop("worker")
    new.start("worker")
    assert {new.ended(job_id)["status"] for job_id in jobs} == {"succeeded"}
