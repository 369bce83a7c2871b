"""What models take of memory, against `caravan models plan`: ``python -m tests.bench.plan_truth demo FILE...``.

Each case is a cluster with a worker whose weights are copied (`mmap: false`), so that all that they take is counted.
Its slots are filled to their ends by jobs of which some ask for the logprobs of their prompts. The figures are the peak
of the resident memory of the worker's process that holds the model (`VmHWM`), and what its parent has beside it. It
asserts nothing, and takes half a minute a case.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tasks.models.catalogue import load
from tasks.models.plan import dry_run
from tests.support.cluster import Cluster
from tests.support.waiting import until

MIB = 1 << 20
ANSWER = 48
"""Tokens that each slot generates; the rest of its context is prompt."""
DEMO: list[dict[str, Any]] = [
    {"slots": 4, "context": 512},
    {"slots": 16, "context": 1024},
    {"slots": 16, "context": 1024, "cache_type_k": "q8_0", "cache_type_v": "q8_0"},
]
OTHERS: list[dict[str, Any]] = [
    {"slots": 2, "context": 512},
    {"slots": 4, "context": 1024, "cache_type_k": "q8_0", "cache_type_v": "q4_0"},
    {"slots": 4, "context": 1024, "batch_tokens": 1024, "ubatch_tokens": 256},
]
"""What is served of the demo model, and of files."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Bytes."""

    planned: int
    peak: int
    parent: int
    """What the other process has alone."""

    @property
    def off(self) -> float:
        """The plan's error, as a share of the truth."""
        return self.planned / (self.peak + self.parent) - 1


def measured(folder: Path, keys: dict[str, Any]) -> Truth:
    """One worker, filled."""
    entry = {**keys, "mmap": False, "threads": 1}
    cluster = Cluster(folder, models=json.dumps({"models": {"one": entry}}), options=["--no-flower"])
    (sizes,) = dry_run.sizes([load(_written(folder, entry))["one"]])
    try:
        cluster.process.start()
        until(lambda: _serves(cluster), seconds=600, what="the worker serves")
        until(lambda: _rests(cluster), seconds=600, what="the first question is answered")
        _fill(cluster, slots=entry["slots"], context=entry["context"])
        parent, child = _processes(cluster)
        return Truth(sizes.total + sizes.process, _status(child, "VmHWM"), _private(parent))
    finally:
        cluster.stop()


def _written(folder: Path, entry: dict[str, Any]) -> Path:
    path = folder / "planned.yaml"
    path.write_text(json.dumps({"models": {"one": entry}}))
    return path


def _serves(cluster: Cluster) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return bool(cluster.http.get("/readyz").status_code == 200)
    return False


def _rests(cluster: Cluster) -> bool:
    jobs = cluster.http.get("/jobs").json()["data"]
    return bool(jobs) and all(job["status"] not in ("queued", "running") for job in jobs)


def _fill(cluster: Cluster, *, slots: int, context: int) -> None:
    """The logits of a whole prompt, a grammar, and all slots to their last cell with different texts."""
    drawn = random.Random(0)
    told = cluster.http.post("/tokenize", json={"content": "a b c d e f g h " * 64}).json()["tokens"]

    def ends(more: dict[str, Any]) -> list[str]:
        prompt = [drawn.choice(told) for _ in range(context - ANSWER)]
        fixed = {"model": "one", "prompt": prompt, "ignore_eos": True, "temperature": 0.5}
        return [cluster.submit({**fixed, **more})["id"]]

    _end(cluster, ends({"max_tokens": 1, "logprobs": 1, "echo": True}))
    shape = {"type": "json_schema", "json_schema": {"name": "shape", "schema": {"type": "integer"}}}
    asked = {"model": "one", "messages": [{"role": "user", "content": "a"}], "max_tokens": 4, "response_format": shape}
    _end(cluster, [cluster.submit(asked)["id"]])
    _end(cluster, [job for _ in range(slots) for job in ends({"max_tokens": context})])


def _end(cluster: Cluster, jobs: list[str]) -> None:
    for job in jobs:
        until(partial(_ended, cluster, job), seconds=900, what="a job ends")


def _ended(cluster: Cluster, job: str) -> bool:
    return bool(cluster.job(job, wait=30)["status"] == "succeeded")


def _processes(cluster: Cluster) -> tuple[int, int]:
    """The worker's parent and its child."""
    parent, *rest = cluster.pids_of("tasks.worker")
    return parent, max(rest, key=lambda pid: _status(pid, "VmHWM"))


def _status(pid: int, name: str) -> int:
    match = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) << 10


def _private(pid: int) -> int:
    """What no other process shares."""
    found = re.findall(r"^Private_\w+:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return sum(map(int, found)) << 10


def main() -> None:
    """Measure, and print the rows of a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="GGUF files, or demo")
    parser.add_argument("--cases", type=int, default=sys.maxsize, help="of each model, at most")
    options = parser.parse_args()
    print("| model | keys | plan | peak | parent | off |\n|---|---|---|---|---|---|")
    for name, keys in _cases(options.models, options.cases):
        with tempfile.TemporaryDirectory() as folder:
            truth = measured(Path(folder), keys)
        told = ", ".join(f"{key} {value}" for key, value in keys.items() if key != "path")
        sizes = " | ".join(f"{count / MIB:.0f}" for count in (truth.planned, truth.peak, truth.parent))
        print(f"| {name} | {told} | {sizes} | {truth.off:+.1%} |", flush=True)


def _cases(models: list[str], most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for model in models:
        path = model if model == "demo" else str(Path(model).absolute())
        for keys in (DEMO if model == "demo" else OTHERS)[:most]:
            yield Path(model).stem, {"path": path, **keys}


if __name__ == "__main__":
    main()
