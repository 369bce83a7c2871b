"""Models of hf:// paths are downloaded from a hub, once, and found again without one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.models.catalogue import DEMO, gguf_path
from tests.support.hub_server import Hub, hub_server

CONTENT = gguf_path(DEMO).read_bytes()
PARTS = {f"owner/split/m-{number:05d}-of-00002.gguf": f"part {number}".encode() for number in (1, 2)}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server({"owner/repo/model.gguf": CONTENT, **PARTS}) as found:
        yield found


def pull(folder: Path, hub: Hub, *names: str, path: str = "hf://owner/repo/model.gguf", **env: str) -> tuple[int, str]:
    """Exit status and output of `caravan models pull`, in a process of its own: variables are read once in one."""
    models = folder / "models.yaml"
    models.write_text(f"models: {{m: {{path: '{path}'}}, demo: {{path: demo}}}}")
    variables = {"CARAVAN_MODELS_FILE": str(models), "HF_HOME": str(folder / "hub"), "HF_ENDPOINT": hub.url, **env}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "models", "pull", *names],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def told_path(output: str, name: str = "m") -> Path:
    return Path(next(line for line in output.splitlines() if line.startswith(f"{name}: ")).removeprefix(f"{name}: "))


def test_a_model_is_downloaded_once(tmp_path: Path, hub: Hub) -> None:
    status, output = pull(tmp_path, hub)
    assert status == 0, output
    assert told_path(output).read_bytes() == CONTENT
    assert told_path(output, "demo").read_bytes() == CONTENT
    assert pull(tmp_path, hub)[0] == 0
    assert hub.downloads == ["owner/repo/model.gguf"]


def test_what_is_there_needs_no_hub(tmp_path: Path, hub: Hub) -> None:
    pull(tmp_path, hub)
    hub.files.clear()
    assert pull(tmp_path, hub, "m", HF_HUB_OFFLINE="1")[0] == 0


def test_all_parts_of_a_split_model_are_downloaded(tmp_path: Path, hub: Hub) -> None:
    status, output = pull(tmp_path, hub, "m", path="hf://owner/split/m-00001-of-00002.gguf")
    assert status == 0, output
    first = told_path(output)
    assert [part.name for part in sorted(first.parent.iterdir())] == ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]
    assert sorted(hub.downloads) == sorted(PARTS)


def test_a_download_that_is_cut_off_is_tried_again(tmp_path: Path, hub: Hub) -> None:
    hub.cuts = 2
    status, output = pull(tmp_path, hub, "m")
    assert status == 0, output
    assert told_path(output).read_bytes() == CONTENT


def test_a_download_that_is_always_cut_off_ends_in_a_sentence(tmp_path: Path, hub: Hub) -> None:
    hub.cuts = 1000
    status, output = pull(tmp_path, hub, "m")
    assert status == 1
    assert "hf://owner/repo/model.gguf cannot be downloaded" in output
    assert "Traceback" not in output


def test_what_killed_downloads_have_left_is_removed(tmp_path: Path, hub: Hub) -> None:
    blobs = tmp_path / "hub" / "hub" / "models--owner--repo" / "blobs"
    blobs.mkdir(parents=True)
    digest = hashlib.sha256(CONTENT).hexdigest()
    left, growing = blobs / f"{digest}.0a1b2c3d.incomplete", blobs / f"{digest}.ffffffff.incomplete"
    for part in (left, growing):
        part.write_bytes(b"x")
    os.utime(left, (0, 0))
    os.utime(growing, (soon := time.time() + 3600, soon))
    status, output = pull(tmp_path, hub, "m")
    assert status == 0, output
    assert [part.name for part in blobs.glob("*.incomplete")] == [growing.name]


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path, hub: Hub) -> None:
    status, output = pull(tmp_path, hub, "m", path="hf://owner/repo/other.gguf")
    assert status == 1
    assert "hf://owner/repo/other.gguf cannot be downloaded" in output
    assert "Traceback" not in output


def test_an_unknown_model_is_refused(tmp_path: Path, hub: Hub) -> None:
    status, output = pull(tmp_path, hub, "other")
    assert status == 1
    assert "There is no model 'other'" in output


def test_a_token_is_sent_to_the_hub(tmp_path: Path, hub: Hub) -> None:
    pull(tmp_path, hub, "m", HF_TOKEN="hf_secret")
    assert "Bearer hf_secret" in hub.tokens
