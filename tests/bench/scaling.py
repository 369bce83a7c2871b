"""How many workers KEDA asks for as jobs come and go: a real control plane and Redis, and nodes that are pretended.

python -m tests.bench.scaling --teeth 12 --out docs/pictures/scaling.svg

First 300 jobs come at once and end together. Then their rate rises and falls, `--teeth` times in four minutes each;
after that it stays low. No worker works: jobs end as the pods that are ready would end them. All waits are as the chart
and Kubernetes have them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
import yaml

from tasks.ledger import redis_keys
from tasks.records.job import Job
from tests.bench.curve import Point, drawn
from tests.cluster import machines
from tests.cluster.api import ready
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keda import Keda
from tests.cluster.live_workers import Load, with_redis
from tests.cluster.live_workers import values as live_values
from tests.cluster.release import Release
from tests.cluster.tools import Tools
from tests.cluster.versions import KEDA
from tests.deploy.chart import Object
from tests.support.redis_server import RedisServer

NAMESPACE, DEPLOYMENT, MODEL = "bench", "caravan-worker-fake", "fake"
SLOTS, MOST, KEEP_ALIVE = 32, 8, 60
JOB_SECONDS = 20.0
"""Of a job on a worker: eight workers end 12.8 jobs a second."""
BURST = 300
FIGURES = Path("build/bench/scaling.json")
TOOTH_SECONDS, RISE_SECONDS, PEAK = 240.0, 180.0, 12.0
LOW_SECONDS, LOW = 600.0, 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """So many seconds, in which so many jobs come a second, by the seconds since it began."""

    seconds: float
    rate: Callable[[float], float]


def tooth(second: float) -> float:
    """The rate rises to its peak and is none for the rest."""
    return PEAK * second / RISE_SECONDS if second < RISE_SECONDS else 0.0


class PretendedWorkers:
    """Each ready pod works at as many jobs as it has slots, in the order in which they came."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._waiting, self._running = deque[Job](), deque[tuple[float, Job]]()

    def take(self, jobs: list[Job]) -> None:
        self._waiting.extend(jobs)

    def work(self, now: float, num_ready: int) -> None:
        """Jobs whose time is over end, and others begin in their slots."""
        ended = []
        while self._running and self._running[0][0] <= now:
            ended.append(self._running.popleft()[1])
        while self._waiting and len(self._running) < num_ready * SLOTS:
            self._running.append((now + JOB_SECONDS, self._waiting.popleft()))
        if ended:
            self._load.forget(ended)

    def end_all(self) -> None:
        self._load.forget([*self._waiting, *(job for _, job in self._running)])
        self._waiting.clear()
        self._running.clear()


class Bench:
    """One release, and what is seen of it each second."""

    def __init__(self, release: Release, load: Load) -> None:
        self._release, self._load, self._workers = release, load, PretendedWorkers(load)
        self.begin()

    def begin(self) -> None:
        """The first second of what is drawn."""
        self._began = time.monotonic()
        self.points: list[Point] = []

    def look(self) -> Point:
        jobs = self._load.redis.zcard(redis_keys.pending(MODEL))
        pods = self._release.pods("worker-fake")
        asked = self._release.replicas(DEPLOYMENT)
        point = Point(round(time.monotonic() - self._began, 1), jobs, asked, len(list(filter(ready, pods))))
        self.points.append(point)
        return point

    def until_asked(self, count: int, *, seconds: float = 900) -> float:
        """Seconds until so many workers are asked for."""
        began = time.monotonic()
        while self.look().asked != count:
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{count} workers were not asked for within {seconds:.0f} s: {self.points[-1]}")
            time.sleep(0.2)
        return round(time.monotonic() - began, 1)

    def burst(self) -> dict[str, float]:
        """Seconds until workers are asked for, and until none is after the last job has ended."""
        first = time.monotonic()
        jobs = self._load.submit(BURST, tokens=8)
        while self.look().asked == 0:
            time.sleep(0.2)
        one = round(time.monotonic() - first, 1)
        found = {"first_worker": one, "all_workers": round(one + self.until_asked(MOST), 1)}
        self._load.forget(jobs)
        return {**found, "none_after_the_last_job": self.until_asked(0)}

    def follow(self, step: Step) -> None:
        """Jobs come as the step says."""
        began, come = time.monotonic(), 0.0
        for tick in itertools.count(1):
            second = tick - 1.0
            if second >= step.seconds:
                return
            before, come = math.floor(come), come + step.rate(second)
            self._workers.take(self._load.submit(math.floor(come) - before, tokens=8))
            self._workers.work(time.monotonic(), self.look().ready)
            time.sleep(max(0.0, began + tick - time.monotonic()))

    def end(self) -> float:
        """Seconds until no worker is asked for once all jobs have ended."""
        self._workers.end_all()
        return self.until_asked(0)


def values(redis: RedisServer) -> Object:
    """As values-gpu.yaml has them, on the pretended nodes, with a model that sleeps sooner."""
    model: Object = {
        "name": MODEL, "path": MODEL, "slots": SLOTS, "context": 512, "kvTokens": SLOTS * 512,
        "keepAlive": f"{KEEP_ALIVE}s", "workers": {"min": 0, "max": MOST},
    }  # fmt: skip
    found = live_values(redis, model, keda={"enabled": True})
    found["workers"]["nodeSelector"] = {"nvidia.com/gpu.present": "true"}
    return found


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """All of it, started and stopped."""
    tools = Tools()
    if missing := tools.missing("kubernetes", "etcd", "keda"):
        sys.exit(f"not built: {', '.join(missing)}: python -m tests.cluster.tools")
    plane = ControlPlane(folder / "plane", tools, autoscaler_seconds=15)
    redis = RedisServer(folder / "redis", password="of-the-bench")
    try:
        redis.start()
        plane.start()
        machines.start(plane)
        crds = (tools.folder / f"keda-crds-{KEDA}").glob("*.yaml")
        plane.api.apply(*(yaml.safe_load(file.read_text()) for file in crds))
        Keda(plane).start()
        plane.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        with_redis(plane.api, NAMESPACE, redis)
        release = Release(plane.api, tools.helm(3), NAMESPACE, folder)
        release.install(values=values(redis))
        load = Load(redis.url, keep_alive=KEEP_ALIVE)
        yield Bench(release, load)
        load.close()
    finally:
        plane.stop()
        redis.stop()


def changes(points: list[Point]) -> list[int]:
    """The numbers of workers asked for, one after the other."""
    return [asked for asked, _ in itertools.groupby(point.asked for point in points)]


def write(picture: Path, points: list[Point]) -> None:
    """The picture, and what is in it beside the other figures of benches."""
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps([asdict(point) for point in points]))
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(drawn(points, most=MOST))


def main() -> None:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling")
    parser.add_argument("--teeth", type=int, default=12, help="rises and falls, of four minutes each")
    parser.add_argument("--out", type=Path, default=Path("build/bench/scaling.svg"))
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as run:
        run.until_asked(0)
        for name, seconds in run.burst().items():
            print(f"{name}: {seconds} s", flush=True)
        print("asked for:", *changes(run.points), flush=True)
        run.begin()
        for number in range(args.teeth):
            run.follow(Step(TOOTH_SECONDS, tooth))
            print(f"after tooth {number + 1}:", *changes(run.points), flush=True)
            write(args.out, run.points)
        run.follow(Step(LOW_SECONDS, lambda _: LOW))
        print("after the low rate:", *changes(run.points), flush=True)
        print(f"none: {run.end()} s after the last job", flush=True)
        write(args.out, run.points)


if __name__ == "__main__":
    main()
