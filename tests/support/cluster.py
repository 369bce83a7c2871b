"""A whole cluster, as `caravan up` starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import COMMAND, Process, with_variable
from tests.support.redis_server import free_port
from tests.support.waiting import until

MARK = "CARAVAN_TEST_CLUSTER"
ONE_THREAD = {"CARAVAN_THREADS": "1"}
"""Threads of one worker wait for each other spinning, and clusters of a test run share the cores."""


class Cluster:
    """`caravan up` on free ports, with its data under `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        models: str | None = None,
        env: Mapping[str, str] | None = None,
        options: list[str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.mark = uuid.uuid4().hex
        self.data = folder / "data"
        self.port, self.flower_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.flower_url = f"http://127.0.0.1:{self.flower_port}"
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        arguments = [*COMMAND, "up", "--port", str(self.port), "--flower-port", str(self.flower_port)]
        arguments += ["--data", str(self.data), *(options or [])]
        if models:
            (folder / "models.yaml").write_text(models)
            arguments += ["--models", str(folder / "models.yaml")]
        self.process = Process(
            arguments, env={**ONE_THREAD, MARK: self.mark, **(env or {})}, log=folder / f"up-{self.mark}.log", cwd=cwd
        )

    def start(self) -> None:
        """Start, and wait for the first answer's announcement."""
        self.process.start()
        until(self._announced, seconds=60, what="the cluster announces itself")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop; the exit status."""
        status = self.process.stop(number, seconds=60)
        self.http.close()
        return status

    def log(self, part: str = "*") -> str:
        """What a program has written; all of them have."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.data / "logs").glob(f"{part}.log")))

    def told(self) -> str:
        """Whatever can be read of the cluster: what stood on its terminal, and its logs."""
        return self.process.output() + self.log()

    def processes(self) -> list[int]:
        """All processes that belong to the cluster."""
        return with_variable(MARK, self.mark)

    def pid_of(self, argument: str) -> int:
        """The first process whose arguments hold this one: of a worker's two the one that looks after the other."""
        for pid in self.pids_of(argument):
            return pid
        raise LookupError(argument)

    def pids_of(self, argument: str) -> list[int]:
        """All processes whose arguments hold this one, a worker's and a web front's children among them."""
        found = []
        for pid in sorted(self.processes()):
            with contextlib.suppress(OSError):
                if argument in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                    found.append(pid)
        return found

    def redis_url(self) -> str:
        """The address of its Redis, as its processes were given it."""
        for pid in self.pids_of("clerk"):
            for variable in Path(f"/proc/{pid}/environ").read_text().split("\0"):
                name, _, value = variable.partition("=")
                if name == "CARAVAN_REDIS_URL":
                    return value
        raise LookupError("no clerk lives")

    def kill(self, argument: str) -> None:
        """Kill a program and what it has forked, at once."""
        for pid in self.pids_of(argument):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def submit(self, body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """The job that the cluster accepted."""
        response = self.http.post("/jobs", json=body, headers=headers)
        assert response.status_code in (200, 202), response.text
        job: dict[str, Any] = response.json()
        return job

    def job(self, job_id: str, *, wait: float = 0) -> dict[str, Any]:
        job: dict[str, Any] = self.http.get(f"/jobs/{job_id}", params={"wait": wait}).json()
        return job

    def figures(self) -> dict[str, float]:
        """The metrics page, by name and labels."""
        lines = self.http.get("/metrics").text.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#")}

    def accepted(self) -> int:
        """How many jobs it has accepted."""
        counts = {name: count for name, count in self.figures().items() if name.startswith("caravan_jobs_total{")}
        return int(sum(count for name, count in counts.items() if 'status="accepted"' in name))

    def _announced(self) -> bool:
        assert self.process.running, self.told()
        return "The capital of France is Paris." in self.process.output() or "A first job is" in self.process.output()


def chat(text: str, **options: Any) -> dict[str, Any]:
    """The body of a chat with the demo model."""
    return {"model": "demo", "messages": [{"role": "user", "content": text}], **options}
