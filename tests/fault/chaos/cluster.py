"""The cluster under test: Redis, two workers, two web programs, a clerk and Flower; what dies starts again."""

from __future__ import annotations

import os
import sys
import threading
import uuid
from functools import partial
from pathlib import Path

import httpx

from app.cli.up.deaths import FIRST_PAUSE_SECONDS
from app.cli.up.supervisor import POLL_SECONDS, Program, Supervisor
from tests.support.processes import with_variable
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import until

MODEL = "demo"
WORKERS = ("demo-1", "demo-2")
WEBS = ("web-1", "web-2")
LEASE_SECONDS = 4.0
DRAIN_SECONDS = 1.0
RESULT_TTL = 120
MARK = "CARAVAN_TEST_CHAOS"
MODELS = "models: {demo: {path: demo, slots: 8, context: 1024, kv_tokens: 8192, workers: {min: 2, max: 2}}}\n"
INTO_LOG = 'exec "$0" "$@" >> "$CHAOS_LOG" 2>&1'


class _Supervisor(Supervisor):
    """Starts again at the first pause whatever dies, however often it does, and knows the processes by name."""

    def tend(self) -> None:
        for child in self._children:
            child.health.pause_seconds = FIRST_PAUSE_SECONDS
        super().tend()

    def pid(self, name: str) -> int | None:
        for child in self._children:
            process = child.process
            if child.program.name == name and process is not None and process.poll() is None:
                return process.pid
        return None


class Cluster:
    """Everything under `folder`, logs included, one a program."""

    def __init__(self, folder: Path) -> None:
        for name in ("redis", "logs", "tmp"):
            (folder / name).mkdir()
        self.redis = RedisServer(folder / "redis")
        self.ports = [free_port() for _ in WEBS]
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]
        self._folder = folder
        self._mark = uuid.uuid4().hex
        self._supervisor = _Supervisor()
        self._stopping = threading.Event()
        self._tending = threading.Thread(target=self._tend, name="supervisor")

    def start(self) -> None:
        """Start, and wait until both web programs accept jobs."""
        (self._folder / "models.yaml").write_text(MODELS)
        self.redis.start()
        self._tending.start()
        for url in self.urls:
            until(partial(_ready, url), seconds=90, what=f"{url} is ready")

    def stop(self) -> list[int]:
        """Stop all; the processes that are left over."""
        self._stopping.set()
        if self._tending.is_alive():
            self._tending.join()
        self.redis.stop()
        return with_variable(MARK, self._mark)

    def pid(self, name: str) -> int | None:
        """A program's process, or None while there is none."""
        return self._supervisor.pid(name)

    def children(self, pid: int) -> list[int]:
        """The processes that a process of the cluster has started."""
        return [other for other in with_variable(MARK, self._mark) if _parent(other) == pid]

    def _tend(self) -> None:
        """One thread starts, tends and stops: the children are told to stop when the thread that started them ends."""
        for program in self._programs():
            self._supervisor.start(program)
        while not self._stopping.wait(POLL_SECONDS):
            self._supervisor.tend()
        self._supervisor.stop(DRAIN_SECONDS)

    def _programs(self) -> list[Program]:
        python, caravan = [sys.executable, "-m"], [sys.executable, "-m", "app.cli"]
        return [
            *(self._program(name, [*python, "tasks.worker", MODEL, "--name", name], rank=1) for name in WORKERS),
            self._program("clerk", [*caravan, "clerk"], rank=1),
            self._program("flower", [*caravan, "flower", "--port", str(free_port())], rank=1),
            *(
                self._program(name, [*caravan, "web"], rank=2, CARAVAN_PORT=str(port))
                for name, port in zip(WEBS, self.ports, strict=True)
            ),
        ]

    def _program(self, name: str, argv: list[str], *, rank: int, **more: str) -> Program:
        env = {
            MARK: self._mark,
            "CHAOS_LOG": str(self._folder / "logs" / f"{name}.log"),
            "TMPDIR": str(self._folder / "tmp"),
            "CARAVAN_REDIS_URL": self.redis.url,
            "CARAVAN_MODELS_FILE": str(self._folder / "models.yaml"),
            "CARAVAN_WEB_PROCESSES": "1",
            "CARAVAN_THREADS": "1",
            "CARAVAN_LEASE_SECONDS": str(LEASE_SECONDS),
            "CARAVAN_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "CARAVAN_RESULT_TTL": str(RESULT_TTL),
            "CARAVAN_LOG_FORMAT": "json",
            **more,
        }
        return Program(name=name, argv=["/bin/sh", "-c", INTO_LOG, *argv], env=env, rank=rank)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def signal_quietly(pid: int | None, number: int) -> bool:
    """Send a signal; whether there was somebody to receive it."""
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
