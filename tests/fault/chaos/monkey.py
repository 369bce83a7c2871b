"""What goes wrong: processes killed, frozen and restarted, connections cut, Redis away."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.fault.chaos.cluster import LEASE_SECONDS, WEBS, WORKERS, Cluster, signal_quietly
from tests.fault.chaos.ledger import Ledger

ENOUGH = 4
"""A worker's kill counts when it was decoding so many jobs."""
PAUSE_SECONDS = (1.5, 3.5)
WAYS = {
    "kill worker": 60,
    "kill web": 8,
    "kill clerk": 5,
    "kill flower": 3,
    "freeze worker": 5,
    "cut connections": 7,
    "kill redis": 5,
    "restart worker": 4,
    "restart web": 3,
}
"""What it does, and how often."""
WAIT_SECONDS = 5.0
"""For a worker that has enough to do."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that the monkey did.

    Args:
        at: monotonic seconds.
        hit: the jobs that a killed worker was decoding, with their fences.
    """

    at: float
    kind: str
    target: str
    hit: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        return self.kind == "kill worker" and len(self.hit) >= ENOUGH


class Monkey:
    """Acts every few seconds; what it chooses comes from `rng` alone, when it finds it does not."""

    def __init__(
        self,
        cluster: Cluster,
        ledger: Ledger,
        rng: random.Random,
        *,
        only: str | None = None,
        every: float | None = None,
    ) -> None:
        self.acts: list[Act] = []
        self._cluster = cluster
        self._ledger = ledger
        self._rng = rng
        self._frozen: dict[str, threading.Timer] = {}
        self._pause_seconds = PAUSE_SECONDS if every is None else (every, every)
        self._weights = {only: 1} if only else WAYS
        self._ways: Mapping[str, Callable[[], Act | None]] = {
            "kill worker": self._kill_worker,
            "kill web": self._kill_web,
            "kill clerk": lambda: self._signal("kill clerk", "clerk", signal.SIGKILL),
            "kill flower": lambda: self._signal("kill flower", "flower", signal.SIGKILL),
            "freeze worker": self._freeze_worker,
            "cut connections": self._cut,
            "kill redis": self._kill_redis,
            "restart worker": lambda: self._signal("restart worker", self._worker(), signal.SIGTERM),
            "restart web": lambda: self._signal("restart web", self._rng.choice(WEBS), signal.SIGTERM),
        }

    def rage(self, seconds: float) -> None:
        """Act for so long, then let what is frozen go."""
        deadline = time.monotonic() + seconds
        ways, weights = list(self._weights), list(self._weights.values())
        while (pause := self._rng.uniform(*self._pause_seconds)) < deadline - time.monotonic():
            time.sleep(pause)
            if act := self._ways[self._rng.choices(ways, weights)[0]]():
                self.acts.append(act)
        self.calm()

    def calm(self) -> None:
        """Wait until nothing is frozen."""
        for timer in list(self._frozen.values()):
            timer.join()

    def _worker(self) -> str:
        return self._rng.choice([name for name in WORKERS if name not in self._frozen] or WORKERS)

    def _signal(self, kind: str, name: str, number: signal.Signals) -> Act | None:
        return Act(time.monotonic(), kind, name) if signal_quietly(self._cluster.pid(name), number) else None

    def _kill_worker(self) -> Act | None:
        """Of the workers with enough to do any one; if there is none after some seconds, the one with most."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            pids = {name: self._cluster.pid(name) for name in WORKERS if name not in self._frozen}
            decoding = {name: self._ledger.decoding(name, pid) for name, pid in pids.items()}
            busy = [name for name, jobs in decoding.items() if len(jobs) >= ENOUGH]
            if busy or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        name = self._rng.choice(busy) if busy else max(decoding, key=lambda name: len(decoding[name]))
        if not signal_quietly(self._one_of(pids[name]), signal.SIGKILL):
            return None
        return Act(time.monotonic(), "kill worker", name, decoding[name])

    def _one_of(self, pid: int | None) -> int | None:
        """The process that serves, or the one that looks after it."""
        serving = self._cluster.children(pid) if pid is not None else []
        return self._rng.choice([pid, *serving])

    def _kill_web(self) -> Act | None:
        """gunicorn's master, or the one process that serves."""
        name, master = self._rng.choice(WEBS), self._rng.random() < 0.5
        pid = self._cluster.pid(name)
        if pid is None or master:
            return self._signal("kill web master", name, signal.SIGKILL)
        children = self._cluster.children(pid)
        if not children or not signal_quietly(children[0], signal.SIGKILL):
            return None
        return Act(time.monotonic(), "kill web process", name)

    def _freeze_worker(self) -> Act | None:
        """Stop a worker until others have its jobs; then it wakes, and believes that they are its own."""
        name = self._worker()
        pid = self._cluster.pid(name)
        if name in self._frozen or pid is None:
            return None
        processes = [pid, *self._cluster.children(pid)]
        if not all(signal_quietly(each, signal.SIGSTOP) for each in processes):
            return None

        def thaw() -> None:
            for each in processes:
                signal_quietly(each, signal.SIGCONT)
            del self._frozen[name]

        self._frozen[name] = threading.Timer(LEASE_SECONDS + 3, thaw)
        self._frozen[name].start()
        return Act(time.monotonic(), "freeze worker", name)

    def _cut(self) -> Act:
        kind = self._rng.choice(["normal", "pubsub"])
        self._ledger.cut(kind)
        return Act(time.monotonic(), f"cut {kind} connections", "redis")

    def _kill_redis(self) -> Act:
        at = time.monotonic()
        self._cluster.redis.kill()
        time.sleep(self._rng.uniform(0.5, 3))
        self._cluster.redis.start()
        return Act(at, "kill redis", "redis")
