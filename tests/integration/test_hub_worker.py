"""Workers whose model is the Hub's, or whose file is at fault: what they tell, and how they go on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tasks.ledger import redis_keys
from tasks.ledger.overview import StartOverview, health
from tasks.models.catalogue import DEMO, gguf_path
from tasks.settings import Settings
from tests.support.hub_server import Hub, hub_server
from tests.support.processes import Process
from tests.support.waiting import until

CONTENT = gguf_path(DEMO).read_bytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MODEL = "owner/repo/model.gguf"
Start = Callable[[str], Process]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server({MODEL: CONTENT}) as found:
        yield found


@pytest.fixture
def start(settings: Settings, tmp_path: Path, hub: Hub) -> Iterator[Start]:
    """Starts the worker w1 of the model m, which the entry describes."""
    models, started = tmp_path / "models.yaml", list[Process]()
    env = {
        "CARAVAN_REDIS_URL": settings.redis_url,
        "CARAVAN_MODELS_FILE": str(models),
        "HF_HOME": str(tmp_path / "hub"),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DOWNLOAD_TIMEOUT": "300",
    }

    def start_worker(entry: str) -> Process:
        models.write_text(f"models: {{m: {{slots: 2, context: 256, {entry}}}}}")
        started.append(Process(["-m", "tasks.worker", "m", "--name", "w1"], env=env, log=tmp_path / "w1.log"))
        started[-1].start()
        return started[-1]

    yield start_worker
    for process in started:
        if process.running:
            process.kill()


def starting(client: redis.Redis) -> StartOverview | None:
    return next(iter(health(client, ["m"])["m"].starts), None)


def failed(client: redis.Redis, *words: str) -> StartOverview | None:
    """How its start failed, once it has for a reason with these words."""
    found = starting(client)
    return found if found and found.state == "failed" and all(each in found.reason for each in words) else None


def downloading(client: redis.Redis) -> StartOverview | None:
    """How its download goes, once some of it is here."""
    found = starting(client)
    return found if found and found.bytes else None


def serves(client: redis.Redis) -> bool:
    return bool(client.exists(redis_keys.worker("w1")))


def test_a_download_is_told_with_its_bytes_and_one_that_was_killed_goes_on(
    start: Start, client: redis.Redis, hub: Hub
) -> None:
    hub.held_after = 1_000_000
    worker = start(f"path: 'hf://{MODEL}'")
    told = until(lambda: downloading(client), seconds=60)
    assert (told.downloads, told.total_bytes) == (True, len(CONTENT))
    assert hub.holding.wait(60)
    until(lambda: downloading(client))
    worker.kill()
    hub.held_after = None
    hub.release.set()
    start(f"path: 'hf://{MODEL}', sha256: '{SHA256}'")
    until(lambda: serves(client), seconds=60)
    assert hub.begins[0] == 0
    assert len(hub.begins) == 2
    assert hub.begins[1] > 0


def test_a_file_with_another_checksum_is_refused_and_tried_at_once_when_it_is_another(
    start: Start, client: redis.Redis, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT + b"?")
    worker = start(f"path: model.gguf, sha256: '{SHA256}'")
    until(lambda: failed(client, hashlib.sha256(CONTENT + b"?").hexdigest(), SHA256, "correct sha256"), seconds=60)
    path.write_bytes(CONTENT)
    until(lambda: serves(client), seconds=60)
    assert worker.output().count("the model cannot be served") == 1


def test_a_file_that_is_cut_short_is_refused_and_tried_at_once_when_it_is_whole(
    start: Start, client: redis.Redis, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT[:-1000])
    start("path: model.gguf")
    until(lambda: failed(client, "is incomplete, its last 1000 B are missing: download it again"), seconds=60)
    path.write_bytes(CONTENT)
    until(lambda: serves(client), seconds=60)


def test_what_the_hub_does_not_have_is_told(start: Start, client: redis.Redis, hub: Hub) -> None:
    start("path: 'hf://owner/repo/modle.gguf'")
    found = until(lambda: failed(client, "owner/repo has no file 'modle.gguf'. Did you mean 'model.gguf'?"), seconds=60)
    assert found.phase == "downloading"
    assert hub.downloads == []


def test_a_checksum_that_the_hub_does_not_have_is_refused_before_the_download(
    start: Start, client: redis.Redis, hub: Hub
) -> None:
    start(f"path: 'hf://{MODEL}', sha256: '{'0' * 64}'")
    until(lambda: failed(client, f"has the SHA-256 {SHA256} on the Hub, and models.yaml says {'0' * 64}"), seconds=60)
    assert hub.downloads == []
