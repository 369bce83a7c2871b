"""What README and docs show to be typed works as it is written: their commands, and their pieces of Python.

A page's commands are typed in order, in one folder, against a cluster that `caravan up` has started. What cannot be
done here is in `NOT_TYPED` of tests/support/documented.py, with the reason; all else is done.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.settings import Settings
from tests.support.cluster import Cluster
from tests.support.documented import (
    MEANS,
    SCREENS,
    STATUS,
    TYPED_MEANWHILE,
    fitting,
    followed,
    python,
    shown,
    typed,
    usual,
)
from tests.support.fronts import close_fronts, front
from tests.support.pages import blocks
from tests.support.reader import Reader
from tests.support.receiver import LOOPBACK, Receiver
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

PROGRAMS = ("bash", "curl", "jq", "openssl")


@dataclass(frozen=True, slots=True)
class Desk:
    """Whoever follows a page, and what is there for it."""

    reader: Reader
    cluster: Cluster
    receiver: Receiver


def leave_jobs(at: Desk) -> None:
    """Let jobs wait for a model that the catalogue does not have, but had when they were accepted."""
    models = at.reader.folder / "earlier.yaml"
    models.write_text("models: {demo: {path: demo}, old-model: {path: fake}}")
    earlier = front(Settings(redis_url=at.cluster.redis_url(), models_file=models), keys=False)
    body = {"model": "old-model", "messages": [{"role": "user", "content": "What is 12 + 7?"}]}
    assert [earlier.post("/jobs", json=body).status_code for _ in range(2)] == [202, 202]
    close_fronts()


def receive(at: Desk) -> None:
    """Wait for the message of the job, and keep it where the page's Python finds it."""
    (request,) = until(lambda: at.receiver.requests, what="the message comes")
    message = {"headers": dict(request.headers), "body": request.body.decode()}
    (at.reader.folder / "message.json").write_text(json.dumps(message))


A_JOB_WAITS = ("caravan queues pause demo", "ID=$(caravan submit --no-wait Hello)")
A_JOB_IS_CANCELLED = (*A_JOB_WAITS, "caravan jobs cancel $ID", "caravan queues resume demo")
A_BATCH_WAITS = (
    "caravan queues pause demo",
    "BATCH=$(curl http://127.0.0.1:8000/v1/batches -H 'Content-Type: application/json' -d '{\"input_file_id\": "
    '"\'$FILE\'", "endpoint": "/v1/chat/completions", "completion_window": "24h"}\' | jq -r .id)',
)
BEFORE: Mapping[str, tuple[str | Callable[[Desk], None], ...]] = {
    "docs/jobs.md: curl -X POST http://127.0.0.1:8000/jobs/$ID/cancel": A_JOB_WAITS,
    "docs/jobs.md: curl -X PATCH *": A_JOB_WAITS,
    "docs/jobs.md: curl -X POST */retry": ("caravan jobs cancel $ID", "caravan queues resume demo"),
    "docs/jobs.md: caravan queues move *": (leave_jobs,),
    "docs/jobs.md: caravan queues cancel *": (leave_jobs,),
    "docs/never-lost.md: caravan jobs retry JOB_ID": A_JOB_IS_CANCELLED,
    "docs/batches.md: curl * -H 'Range: bytes=4096-'": (
        "head --bytes 8192 /dev/zero > output",
        "OUTPUT=$(curl http://127.0.0.1:8000/v1/files -F purpose=user_data -F file=@output | jq -r .id)",
    ),
    "docs/batches.md: caravan batches pause BATCH_ID": A_BATCH_WAITS,
    "docs/batches.md: caravan batches retry BATCH_ID": ("caravan batches watch $BATCH", "caravan queues resume demo"),
    "docs/bulk.md: caravan batches watch BATCH_ID": ("BATCH=$(caravan batches list --json | jq -r '.[0].id')",),
    "docs/command.md: caravan status": (*A_JOB_WAITS, *A_JOB_WAITS),
    "docs/logs.md: grep *": (
        "curl http://127.0.0.1:8000/v1/models -H 'X-Request-Id: bdd34dd4b5bb42a9a25baaab6dd7b8ae'",
    ),
    "docs/webhooks.md: curl http://127.0.0.1:8000/jobs *": (
        f"export CARAVAN_WEBHOOK_NETWORKS={LOOPBACK}",
        "caravan up",
    ),
    "docs/webhooks.md: curl http://127.0.0.1:8000/webhooks/secret *": (
        receive,
        "CARAVAN_KEYS=true caravan up",
        "CARAVAN_API_KEY=$(caravan keys create alice --api-key $(cat .caravan/admin-key))",
    ),
}
"""What a reader has done before a command though its page does not show it, by page and command."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of all pages that do not start another."""
    running = Cluster(tmp_path_factory.mktemp("pages"))
    running.start()
    yield running
    assert running.stop() == 0
    assert running.processes() == []


@pytest.fixture(scope="module")
def redis_of_one_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), options=["--databases", "1"])
    server.start()
    yield server
    server.stop()


@pytest.fixture
def desk(cluster: Cluster, redis_of_one_database: RedisServer, tmp_path: Path) -> Iterator[Desk]:
    with Receiver() as receiver:
        own = {"RECEIVER": receiver.url, "REDIS_OF_ONE_DATABASE": redis_of_one_database.url}
        reader = Reader(tmp_path, means=MEANS, **own)
        reader.uses(cluster)
        yield Desk(reader, cluster, receiver)
        reader.leaves()
    cluster.http.post("/queues/demo/resume").raise_for_status()


@pytest.mark.skipif(
    not os.environ.get("CI") and not all(map(shutil.which, PROGRAMS)), reason=f"the pages use {', '.join(PROGRAMS)}"
)
@pytest.mark.parametrize("page", followed())
def test_what_a_page_shows_works_as_it_is_written(page: str, desk: Desk) -> None:
    for block in blocks(page):
        if block.language == "yaml" and "models:" in block.text:
            (desk.reader.folder / "models.yaml").write_text(block.text)
        for command in typed(block):
            for step in (step for steps in fitting(BEFORE, page, command) for step in steps):
                step(desk) if callable(step) else desk.reader.types(step)
            (status,) = fitting(STATUS, page, command) or [0]
            (answers,) = fitting(TYPED_MEANWHILE, page, command) or [""]
            told = desk.reader.types(command, answers=answers, status=status)
            if f"{page}: {command}" in SCREENS:
                assert usual(told) == usual(block.output)
    if program := python(page):
        desk.reader.runs(program)


@pytest.mark.parametrize("pattern", BEFORE)
def test_what_comes_before_a_command_comes_before_one_that_is_shown(pattern: str) -> None:
    assert any(fitting({pattern: True}, *each) for each in shown())
