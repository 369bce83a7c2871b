"""A large batch twice: undisturbed, and with every process killed on the way; the outputs have to be equal.

``python -m tests.fault.batch_kills --lines 100000`` prints what it saw as JSON, and ends with 1 if they differ.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis

from tests.support.batches import Batches, jsonl, normalised, question
from tests.support.cluster import Cluster
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

VICTIMS = ("clerk", "worker", "web", "redis")
ARGUMENTS = {"clerk": "clerk", "worker": "tasks.worker", "web": "web"}
MARKS = (0.1, 1.0)
"""Of the lines, when memory is looked at."""
SUBJECTS = ("food", "service", "movie", "room")
WORDS = ("great", "excellent", "wonderful", "delicious", "terrible", "awful", "slow", "rude", "boring")
"""What the demo model was taught: of other texts it is so unsure that two tokens may be equally likely."""


@dataclass(slots=True)
class Run:
    """What was seen of one batch."""

    seconds: float = 0.0
    kills: list[str] = field(default_factory=list)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    """Of the processes that lived at its end, since they began."""
    memory_kib: dict[str, dict[str, int]] = field(default_factory=dict)
    batch: dict[str, Any] = field(default_factory=dict)
    output: bytes = b""


class Stage:
    """A cluster on a Redis that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "data" / "files"
        self.server = RedisServer(folder / "redis", options=["--appendfsync", "everysec"])
        self.server.start()
        self.cluster = Cluster(
            folder, env={"CARAVAN_THREADS": "1", "CARAVAN_LOG_LEVEL": "warning", "CARAVAN_LEASE_SECONDS": "4"},
            options=["--redis-url", self.server.url],
        )  # fmt: skip
        self.cluster.start()
        self.batches = Batches(self.cluster.http)

    def stop(self) -> None:
        self.cluster.stop()
        self.server.stop()

    def run(self, lines: Path, kills: Iterable[tuple[float, str]], *, total: int) -> Run:
        """One batch; at each of some shares of its lines something is killed."""
        seen, left, marks = Run(), sorted(kills), list(MARKS)
        began = time.monotonic()
        batch_id = self.batches.create(lines)
        while True:
            batch = self._look(batch_id)
            done = batch["request_counts"]["completed"] + batch["request_counts"]["failed"]
            while marks and done >= marks[0] * total:
                seen.memory_kib[f"{marks.pop(0):.0%}"] = self.memory()
            if batch["status"] in ("completed", "failed", "expired", "cancelled"):
                break
            if left and done >= left[0][0] * total:
                _, victim = left.pop(0)
                self.kill(victim)
                seen.kills.append(f"{victim} at {done}")
            time.sleep(0.5 if total > 5000 else 0.05)
        seen.cpu_seconds = {victim: _cpu_seconds(self.pid(victim)) for victim in ARGUMENTS}
        seen.seconds, seen.batch = time.monotonic() - began, batch
        seen.output = self.batches.content(batch["output_file_id"])
        return seen

    def kill(self, victim: str) -> None:
        """SIGKILL; Redis comes back two seconds later, `caravan up` starts the others again."""
        if victim == "redis":
            self.server.kill()
            time.sleep(2)
            self.server.start()
            return
        os.kill(self.pid(victim), signal.SIGKILL)

    def pid(self, victim: str) -> int:
        def found() -> int | None:
            try:
                return self.cluster.pid_of(ARGUMENTS[victim])
            except LookupError:
                return None

        return until(found, seconds=60, what=f"there is a {victim}")

    def memory(self) -> dict[str, int]:
        """KiB that are resident, and what Redis says it uses."""
        found = {victim: _resident(self.pid(victim)) for victim in ARGUMENTS}
        with redis.Redis(port=self.server.port) as client:
            return {**found, "redis": int(client.info("memory")["used_memory"]) // 1024}

    def _look(self, batch_id: str) -> dict[str, Any]:
        while True:
            try:
                response = self.cluster.http.get(f"/v1/batches/{batch_id}")
                if response.status_code == 200:
                    found: dict[str, Any] = response.json()
                    return found
            except httpx.HTTPError:
                pass
            time.sleep(0.1)


def _resident(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def _cpu_seconds(pid: int) -> float:
    used = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


def write_lines(path: Path, count: int, *, tokens: int) -> None:
    """So many different questions."""
    draw = random.Random(7)  # the same lines each time
    with path.open("wb") as file:
        for number in range(count):
            text = f"Classify the sentiment: The {draw.choice(SUBJECTS)} was {draw.choice(WORDS)}."
            file.write(jsonl([question(number, text, max_tokens=tokens, seed=number)]))  # else many would be one


def plan(kills: int, draw: random.Random) -> list[tuple[float, str]]:
    """At which shares of the lines what is killed: everything so often, in an order that is drawn."""
    victims = [victim for victim in VICTIMS for _ in range(kills)]
    draw.shuffle(victims)
    return [((number + 1) / (len(victims) + 1), victim) for number, victim in enumerate(victims)]


def faults(calm: Run, rough: Run, *, total: int) -> list[str]:
    """What is not as it should be."""
    found = []
    for name, run in (("undisturbed", calm), ("disturbed", rough)):
        counts = run.batch["request_counts"]
        if counts != {"total": total, "completed": total, "failed": 0}:
            found.append(f"{name}: {counts}")
        if run.output and not run.output.endswith(b"\n"):
            found.append(f"{name}: the output ends within a line")
        ids = [json.loads(line)["custom_id"] for line in run.output.splitlines()]
        if ids != [f"row-{number}" for number in range(total)]:
            found.append(f"{name}: the rows are not those of the input, in its order")
    theirs, ours = normalised(calm.output).splitlines(), normalised(rough.output).splitlines()
    if theirs != ours:
        differ = [number for number, (one, other) in enumerate(zip(theirs, ours, strict=False)) if one != other]
        shown = [(theirs[number].decode(), ours[number].decode()) for number in differ[:3]]
        found.append(f"{len(differ)} lines differ: {differ[:20]} ... {shown}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fault.batch_kills", description=__doc__)
    parser.add_argument("--lines", type=int, default=2000, help="of the batch")
    parser.add_argument("--kills", type=int, default=2, help="of each process")
    parser.add_argument("--tokens", type=int, default=4, help="of an answer, at most")
    parser.add_argument("--seed", type=int, default=1, help="another one kills in another order")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="caravan-batch-") as name:
        lines = Path(name) / "lines.jsonl"
        write_lines(lines, options.lines, tokens=options.tokens)
        stage = Stage(Path(name))
        try:
            calm = stage.run(lines, [], total=options.lines)
            _say("undisturbed", calm)
            rough = stage.run(lines, plan(options.kills, random.Random(options.seed)), total=options.lines)
            _say("disturbed", rough)
        finally:
            stage.stop()
    found = faults(calm, rough, total=options.lines)
    sys.stdout.write(json.dumps({"lines": options.lines, "faults": found}) + "\n")
    return 1 if found else 0


def _say(name: str, run: Run) -> None:
    told = {key: value for key, value in asdict(run).items() if key not in ("batch", "output")}
    told |= {"counts": run.batch["request_counts"], "bytes": len(run.output)}
    sys.stdout.write(json.dumps({"run": name, **told}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
