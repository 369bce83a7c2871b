"""A cluster under load, a real Prometheus that scrapes it, and the dashboard drawn of that.

python -m tests.bench.dashboard --minutes 5 --out docs/pictures/dashboard.png
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from deploy.drawing import draw
from tests.support.cluster import Cluster, chat
from tests.support.crew import fake_body
from tests.support.receiver import LOOPBACK, SECRET, Receiver, Reply
from tests.support.redis_server import free_port
from tests.support.waiting import until

MODELS = """
models:
  demo: {path: demo, slots: 4, context: 512, kv_tokens: 1536}
  fake: {path: fake, slots: 4, context: 512, kv_tokens: 2048}
"""
ENV = {
    "CARAVAN_THREADS": "1",
    "CARAVAN_LEASE_SECONDS": "4",
    "CARAVAN_WEBHOOK_SECRET": SECRET,
    "CARAVAN_WEBHOOK_NETWORKS": LOOPBACK,
    "CARAVAN_WEBHOOK_SCHEDULE": "2,4",
}
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yml"
KILL_EVERY_SECONDS = 60


class Prometheus:
    """Debian's, over one target, with our rules."""

    def __init__(self, folder: Path, target: str) -> None:
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 2s, evaluation_interval: 5s}\n"
            f"rule_files: [{RULES}]\n"
            f"scrape_configs: [{{job_name: caravan, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        log = (folder / "prometheus.log").open("w")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=log,
            stderr=log,
        )
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        until(self._ready, what="Prometheus is ready")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def alerts(self) -> set[str]:
        """The names of those that fire."""
        found = self.http.get("/api/v1/alerts").json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}

    def _ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return self.http.get("/-/ready").status_code == 200
        return False


def one(cluster: Cluster, chance: random.Random, webhook: str) -> None:
    """Submit a job of some kind; some are cancelled, some expire, some cannot be run."""
    priority, kind = chance.choices(["high", "normal", "low"], [1, 5, 3])[0], chance.random()
    body: dict[str, Any] = chat("Tell me a story about a llama.", temperature=0.8, max_tokens=chance.randint(20, 200))
    if kind < 0.3:
        body = fake_body("Once", tokens=chance.randint(10, 120))
    elif kind < 0.5:
        body = chat("Answer briefly. " * 8 + f"What is {chance.randint(1, 20)} + 4?")
    elif kind < 0.52:
        body = chat("What is 1 + 1? " * 300)
    elif kind < 0.54:
        body |= {"timeout": 0.05}
    if chance.random() < 0.2:
        body |= {"webhook": webhook}
    with suppress(httpx.HTTPError):
        job = cluster.http.post("/jobs", json=body | {"priority": priority}, headers={"Prefer": "wait=20"}).json()
        if 0.54 < kind < 0.57:
            cluster.http.post(f"/jobs/{job['id']}/cancel")


def load(cluster: Cluster, *, until_time: float, webhook: str, seed: int) -> None:
    """One client after another, with pauses, so that the line comes and goes."""
    chance = random.Random(seed)
    while time.time() < until_time:
        busy = int(time.time() / 45) % 2 == 0
        one(cluster, chance, webhook)
        time.sleep(chance.expovariate(4 if busy else 0.7))


def disturb(cluster: Cluster, *, until_time: float) -> None:
    """Kill a worker now and then."""
    while time.time() + KILL_EVERY_SECONDS < until_time:
        time.sleep(KILL_EVERY_SECONDS)
        with suppress(LookupError, ProcessLookupError):
            os.kill(cluster.pid_of("demo-1"), signal.SIGKILL)


def main() -> None:
    """Run it, and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.dashboard")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Receiver(lambda number, _: Reply(503 if number % 5 == 0 else 204)) as receiver,
    ):
        cluster = Cluster(Path(folder), models=MODELS, env=ENV)
        cluster.start()
        prometheus = Prometheus(Path(folder), f"127.0.0.1:{cluster.port}")
        try:
            start = time.time()
            end = start + 60 * args.minutes
            with ThreadPoolExecutor(args.clients + 1) as pool:
                pool.submit(disturb, cluster, until_time=end)
                for seed in range(args.clients):
                    pool.submit(load, cluster, until_time=end, webhook=receiver.url, seed=seed)
            picture, empty = draw(prometheus.http, start=start, end=time.time())
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_bytes(picture)
            print(f"{args.out}: {len(picture)} bytes")
            print(f"panels with nothing to show: {', '.join(empty) or 'none'}")
            print(f"alerts that fire: {', '.join(sorted(prometheus.alerts())) or 'none'}")
        finally:
            prometheus.stop()
            cluster.stop()


if __name__ == "__main__":
    main()
