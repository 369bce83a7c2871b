"""Workers of one cluster that see one GPU each, as their environment says. A build for the processor looks at none."""

from __future__ import annotations

from pathlib import Path

from tests.support.cluster import Cluster

MODELS = """
models:
  first: {path: demo, slots: 2, workers: {min: 2, max: 2}}
  second: {path: demo, slots: 2, gpu_layers: 0}
"""


def test_each_worker_sees_one_gpu_in_both_of_its_processes(tmp_path: Path) -> None:
    running = Cluster(tmp_path, models=MODELS, env={"CARAVAN_GPUS": "0,1"})
    running.start()
    try:
        seen: dict[str, set[str]] = {}
        for pid in running.processes():
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if "tasks.worker" not in words:
                continue
            told = dict(each.partition("=")[::2] for each in Path(f"/proc/{pid}/environ").read_text().split("\0"))
            worker = words[words.index("--name") + 1]
            seen.setdefault(worker, set()).add(told.get("CUDA_VISIBLE_DEVICES", "all"))
        assert seen == {"first-1": {"0"}, "first-2": {"1"}, "second-1": {"all"}}
    finally:
        running.stop()
