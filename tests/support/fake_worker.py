"""A real worker process whose model `fake` is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tasks.ledger import redis_keys
from tasks.settings import Settings
from tests.support.processes import Process
from tests.support.waiting import until


@contextmanager
def fake_worker(
    client: redis.Redis, settings: Settings, folder: Path, *, models: str, program: str = "tasks.worker"
) -> Iterator[Process]:
    """The worker `w1`, once it has reported itself. If it runs at the end, it has to stop well.

    Args:
        folder: for its models file and its log.
        models: the text of its models.yaml.
        program: the module that is run.
    """
    (folder / "models.yaml").write_text(models)
    env = {
        "CARAVAN_REDIS_URL": settings.redis_url,
        "CARAVAN_MODELS_FILE": str(folder / "models.yaml"),
        "CARAVAN_LEASE_SECONDS": "2",
        "CARAVAN_UNCLAIMED_SECONDS": "1",
        "CARAVAN_DRAIN_SECONDS": "1",
    }
    process = Process(["-m", program, "fake", "--name", "w1"], env=env, log=folder / "worker.log")
    process.start()
    until(lambda: client.exists(redis_keys.worker("w1")), what="the worker reports itself")
    yield process
    if process.running:
        assert process.stop() == 0, process.output()
