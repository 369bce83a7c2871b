"""`caravan models show`, `plan` and `remove` with files of the Hub's, and with files at fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tasks.models.catalogue import DEMO, gguf_path
from tasks.models.hub import remove_content
from tests.support import tiny_models
from tests.support.hub_server import Hub, hub_server

CONTENT = gguf_path(DEMO).read_bytes()
MODEL = "owner/repo/model.gguf"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server({MODEL: CONTENT, "owner/repo/page.gguf": b"<html>", "owner/repo/copy.gguf": CONTENT}) as found:
        yield found


def models(folder: Path, hub: Hub, *arguments: str, answer: str = "", **env: str) -> tuple[int, str]:
    """Exit status and output of `caravan models ...`, in a process of its own: variables are read once in one."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "models", *arguments],
        env={**os.environ, "HF_HOME": str(folder / "hub"), "HF_ENDPOINT": hub.url, **env},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def shown(folder: Path, hub: Hub, *arguments: str, **env: str) -> dict[str, object]:
    status, output = models(folder, hub, *arguments, "--json", **env)
    assert status == 0, output
    told: dict[str, object] = json.loads(output)
    return told


def cached(folder: Path) -> list[str]:
    """Names of all files in the cache, but for the locks and what huggingface_hub says of itself."""
    found = (path for path in (folder / "hub" / "hub").rglob("*") if not path.is_dir() or path.is_symlink())
    ours = [path for path in found if ".locks" not in path.parts and path.name not in ("CACHEDIR.TAG", "main")]
    return sorted(path.name for path in ours)


def test_a_file_of_the_hubs_is_shown_before_it_is_downloaded(tmp_path: Path, hub: Hub) -> None:
    told = shown(tmp_path, hub, "show", f"hf://{MODEL}")
    known = {"id": "model", "architecture": "llama", "parameters": 1_435_040, "quantisation": "Q8_0", "context": 1024}
    assert {key: told[key] for key in known} == known
    assert (told["here"], told["bytes"], told["vocabulary"], told["chat_template"]) == (False, len(CONTENT), 1024, True)
    assert cached(tmp_path) == []
    models(tmp_path, hub, "pull", f"hf://{MODEL}")
    assert shown(tmp_path, hub, "show", f"hf://{MODEL}", HF_HUB_OFFLINE="1") == {**told, "here": True}


def test_a_longer_head_is_read_piece_by_piece(tmp_path: Path, hub: Hub) -> None:
    path = tmp_path / "long.gguf"
    tensors = {f"blk.{number}.{'x' * 60_000}": np.zeros((1, 1), np.float32) for number in range(100)}
    tiny_models.write_gguf(path, {"general.architecture": "llama", "llama.block_count": 7}, tensors)
    hub.files["owner/repo/long.gguf"] = path.read_bytes() + bytes(4 << 20)
    status, output = models(tmp_path, hub, "show", "hf://owner/repo/long.gguf")
    assert status == 0, output
    assert "layers          7" in output
    assert hub.begins == [0, 4 << 20]


def test_a_plan_needs_no_download(tmp_path: Path, hub: Hub) -> None:
    options = ("--users", "2", "--ram", "4G")
    told = shown(tmp_path, hub, "plan", f"hf://{MODEL}", *options)
    assert told["entry"]["model"]["path"] == f"hf://{MODEL}"  # type: ignore[index]
    assert cached(tmp_path) == []
    assert shown(tmp_path, hub, "plan", str(gguf_path(DEMO)), *options)["bytes"] == told["bytes"]


@pytest.mark.parametrize("command", ["show", "plan"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hf://owner/repo/page.gguf", "page.gguf is not a GGUF file: download it again"),
        ("hf://owner/repo/modle.gguf", "owner/repo has no file 'modle.gguf'. Did you mean 'model.gguf'?"),
        ("hf://owner/model.gguf", "must be hf://owner/repo/file.gguf"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, hub: Hub, command: str, name: str, words: str) -> None:
    status, output = models(tmp_path, hub, command, name)
    assert (status, "Traceback" in output) == (1, False)
    assert words in output


@pytest.mark.parametrize("command", ["show", "plan"])
def test_a_file_that_is_cut_short_is_told(tmp_path: Path, hub: Hub, command: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT[:-1000])
    status, output = models(tmp_path, hub, command, str(path))
    assert (status, "Traceback" in output) == (1, False)
    assert f"{path} is incomplete, its last 1000 B are missing: download it again" in output


def test_a_hub_that_gives_no_parts_is_told(tmp_path: Path, hub: Hub) -> None:
    hub.knows_ranges = False
    status, output = models(tmp_path, hub, "show", f"hf://{MODEL}")
    assert (status, "the server gives no parts of files" in output) == (1, True)


def test_a_model_is_removed_with_its_content_and_its_parts(tmp_path: Path, hub: Hub) -> None:
    models(tmp_path, hub, "pull", f"hf://{MODEL}")
    part = tmp_path / "hub" / "hub" / "models--owner--repo" / "blobs" / f"{'0' * 64}.caravan.incomplete"
    part.write_bytes(bytes(1000))
    status, output = models(tmp_path, hub, "remove", f"hf://{MODEL}", answer="n\n")
    assert (status, f"Remove hf://{MODEL}: 2 files, 1.5 MiB?" in output, len(cached(tmp_path))) == (1, True, 3)
    status, output = models(tmp_path, hub, "remove", f"hf://{MODEL}", "--yes")
    assert (status, f"Removed hf://{MODEL}: 2 files, 1.5 MiB." in output) == (0, True)
    assert cached(tmp_path) == []
    assert models(tmp_path, hub, "remove", f"hf://{MODEL}", "--yes") == (0, f"hf://{MODEL} is not here.\n")
    assert models(tmp_path, hub, "pull", f"hf://{MODEL}")[0] == 0


def test_a_content_that_another_file_has_too_stays(tmp_path: Path, hub: Hub) -> None:
    models(tmp_path, hub, "pull", f"hf://{MODEL}", "hf://owner/repo/copy.gguf")
    status, output = models(tmp_path, hub, "remove", f"hf://{MODEL}", "--yes")
    assert (status, "1 file, 0 B" in output) == (0, True)
    assert shown(tmp_path, hub, "show", "hf://owner/repo/copy.gguf", HF_HUB_OFFLINE="1")["here"]


def test_files_of_ones_own_are_never_removed(tmp_path: Path, hub: Hub) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(CONTENT)
    status, output = models(tmp_path, hub, "remove", str(path), "--yes")
    assert (status, f"{path} is a file of yours" in output, path.exists()) == (1, True, True)


def test_the_model_that_is_built_in_is_not_removed_either(tmp_path: Path, hub: Hub) -> None:
    assert models(tmp_path, hub, "remove", "demo", "--yes") == (
        1, "Error: demo is built in: nothing of it was downloaded.\n",
    )  # fmt: skip


def test_commands_that_ask_no_server_name_the_file_in_its_place(tmp_path: Path, hub: Hub) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("models: {one: {path: demo}, two: {path: demo}}")
    for command in (["pull"], ["show", "--file"], ["plan"]):
        status, output = models(tmp_path, hub, *command, "on", "--models", str(file))
        assert (status, "Did you mean 'one'? own.yaml has: one, two." in output) == (1, True), output


def test_a_sum_that_is_not_known_is_null(tmp_path: Path, hub: Hub) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(CONTENT)
    assert shown(tmp_path, hub, "show", str(path))["sha256"] is None


def test_a_file_outside_of_the_cache_stays_whatever_leads_to_it(tmp_path: Path, hub: Hub) -> None:
    models(tmp_path, hub, "pull", "hf://owner/repo/copy.gguf")
    own = tmp_path / "mine" / "model.gguf"
    own.parent.mkdir()
    own.write_bytes(CONTENT)
    status, output = models(tmp_path, hub, "remove", f"hf://owner/repo/{own}", "--yes")
    assert (status, own.exists()) == (1, True), output
    (commit,) = (tmp_path / "hub" / "hub" / "models--owner--repo" / "snapshots").iterdir()
    (commit / "model.gguf").symlink_to(own)
    status, output = models(tmp_path, hub, "remove", f"hf://{MODEL}", "--yes")
    assert (status, (commit / "model.gguf").is_symlink(), own.exists()) == (0, False, True), output
    (commit / "model.gguf").symlink_to(own)
    remove_content(commit / "model.gguf")
    assert (list(commit.iterdir()), own.exists()) == ([commit / "copy.gguf"], True)
