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
from tests.support.waiting import until

CONTENT = gguf_path(DEMO).read_bytes()
PARTS = {f"owner/split/m-{number:05d}-of-00002.gguf": CONTENT + bytes([number]) for number in (1, 2)}


SHA256 = hashlib.sha256(CONTENT).hexdigest()
MODEL = "owner/repo/model.gguf"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server({MODEL: CONTENT, **PARTS}) as found:
        yield found


def pulling(folder: Path, hub: Hub, *names: str, path: str = f"hf://{MODEL}", **env: str) -> subprocess.Popen[str]:
    """`caravan models pull`, in a process of its own: variables are read once in one."""
    models = folder / "models.yaml"
    models.write_text(f"models: {{m: {{path: '{path}'}}, demo: {{path: demo}}}}")
    home = {"HF_HOME": str(folder / "hub"), "HF_ENDPOINT": hub.url, "HF_HUB_DOWNLOAD_TIMEOUT": "300"}
    variables = {"CARAVAN_MODELS_FILE": str(models), **home, **env}
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "models", "pull", *names],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def pull(folder: Path, hub: Hub, *names: str, path: str = f"hf://{MODEL}", **env: str) -> tuple[int, str]:
    """Exit status and output of `caravan models pull`."""
    with pulling(folder, hub, *names, path=path, **env) as process:
        output, _ = process.communicate(timeout=60)
    return process.returncode, output


def blobs(folder: Path) -> Path:
    return folder / "hub" / "hub" / "models--owner--repo" / "blobs"


def parts(folder: Path) -> list[str]:
    return sorted(path.name for path in blobs(folder).glob("*.incomplete"))


def killed_in_the_middle(folder: Path, hub: Hub) -> None:
    """A pull that is killed when it has written a million bytes."""
    hub.held_after = 1_000_000
    with pulling(folder, hub, "m") as process:
        try:
            until(lambda: parts(folder) and (blobs(folder) / parts(folder)[0]).stat().st_size == 1_000_000)
        finally:
            process.kill()
    hub.held_after = None
    hub.release.set()


def told_path(output: str, name: str = "m") -> Path:
    """The path that the command prints last of a model."""
    return Path([line for line in output.splitlines() if line.startswith(f"{name}: ")][-1].removeprefix(f"{name}: "))


def test_a_model_is_downloaded_once(tmp_path: Path, hub: Hub) -> None:
    status, output = pull(tmp_path, hub)
    assert status == 0, output
    assert told_path(output).read_bytes() == CONTENT
    assert told_path(output, "demo").read_bytes() == CONTENT
    assert pull(tmp_path, hub)[0] == 0
    assert hub.downloads == [MODEL]


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


def test_a_download_that_is_cut_off_goes_on_where_it_was(tmp_path: Path, hub: Hub) -> None:
    hub.cuts = 2
    status, output = pull(tmp_path, hub, "m")
    assert status == 0, output
    assert told_path(output).read_bytes() == CONTENT
    assert hub.begins == [0, len(CONTENT) // 2, (len(CONTENT) // 2 + len(CONTENT)) // 2]
    assert parts(tmp_path) == []


def test_a_killed_download_goes_on_where_it_was(tmp_path: Path, hub: Hub) -> None:
    killed_in_the_middle(tmp_path, hub)
    assert parts(tmp_path) == [f"{SHA256}.caravan.incomplete"]
    status, output = pull(tmp_path, hub, "m")
    assert status == 0, output
    assert "model.gguf goes on after 977 KiB" in output
    assert told_path(output).read_bytes() == CONTENT
    assert hub.begins == [0, 1_000_000]
    assert parts(tmp_path) == []


def test_a_part_that_was_spoilt_is_downloaded_anew(tmp_path: Path, hub: Hub) -> None:
    blobs(tmp_path).mkdir(parents=True)
    (blobs(tmp_path) / f"{SHA256}.caravan.incomplete").write_bytes(bytes(500_000))
    status, output = pull(tmp_path, hub, "m")
    assert status == 0, output
    assert told_path(output).read_bytes() == CONTENT
    assert hub.begins == [500_000, 0]


def test_a_hub_that_knows_no_ranges_sends_all_again(tmp_path: Path, hub: Hub) -> None:
    killed_in_the_middle(tmp_path, hub)
    hub.knows_ranges = False
    status, output = pull(tmp_path, hub, "m")
    assert status == 0, output
    assert told_path(output).read_bytes() == CONTENT


def test_a_download_that_brings_nothing_ends_in_a_sentence(tmp_path: Path, hub: Hub) -> None:
    hub.gives_nothing = True
    status, output = pull(tmp_path, hub, "m")
    assert status == 1
    assert "hf://owner/repo/model.gguf cannot be downloaded: the connection to the Hub failed" in output
    assert "Traceback" not in output


def test_two_processes_download_a_file_once(tmp_path: Path, hub: Hub) -> None:
    hub.held_after = 1_000_000
    with pulling(tmp_path, hub, "m") as first:
        assert hub.holding.wait(60)
        with pulling(tmp_path, hub, "m") as second:
            assert second.stdout is not None
            assert "another process downloads model.gguf: waiting for it" in second.stdout.readline()
            hub.release.set()
            outputs = [first.communicate(timeout=60)[0], second.communicate(timeout=60)[0]]
    assert [told_path(output).read_bytes() == CONTENT for output in outputs] == [True, True]
    assert hub.downloads == [MODEL]
    assert parts(tmp_path) == []


def test_who_waits_for_a_killed_process_goes_on_with_its_part(tmp_path: Path, hub: Hub) -> None:
    hub.held_after = 1_000_000
    with pulling(tmp_path, hub, "m") as first:
        assert hub.holding.wait(60)
        with pulling(tmp_path, hub, "m") as second:
            assert second.stdout is not None
            assert "waiting for it" in second.stdout.readline()
            hub.held_after = None
            first.kill()
            output, _ = second.communicate(timeout=60)
    assert (second.returncode, told_path(output).read_bytes() == CONTENT) == (0, True)
    assert hub.begins[0] == 0
    assert hub.begins[1] > 0


def test_bytes_that_are_not_the_hubs_are_refused_with_both_sums(tmp_path: Path, hub: Hub) -> None:
    wrong = bytes(reversed(CONTENT))
    hub.sent[MODEL] = wrong
    status, output = pull(tmp_path, hub, "m")
    assert status == 1
    assert f"with the SHA-256 {hashlib.sha256(wrong).hexdigest()}, and the Hub says {SHA256}" in output
    assert list(blobs(tmp_path).iterdir()) == []
    hub.sent.clear()
    assert pull(tmp_path, hub, "m")[0] == 0


def test_a_file_of_the_cache_that_was_damaged_is_found_out_and_downloaded_again(tmp_path: Path, hub: Hub) -> None:
    path = told_path(pull(tmp_path, hub, "m")[1])
    path.write_bytes(CONTENT[:-1] + b"!")
    status, output = pull(tmp_path, hub, "m")
    assert (status, "It was removed: try again" in output) == (1, True)
    assert pull(tmp_path, hub, "m")[0] == 0
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("where", "refusal", "token", "words"),
    [
        (MODEL, (403, "GatedRepo"), "", "owner/repo is gated. Ask for access at {url}/owner/repo, then set HF_TOKEN"),
        ("owner/repo", (401, "RepoNotFound"), "", "there is no repository {url}/owner/repo, or it is private (401)"),
        ("owner/repo", (404, "RepoNotFound"), "hf_x", "or HF_TOKEN may not read it (404)"),
        (MODEL, (403, ""), "hf_x", "the Hub forbids it (403). Look at {url}/owner/repo"),
        (MODEL, (429, ""), "", "the Hub has had too many requests from here (429)"),
        (MODEL, (503, ""), "", "cannot be downloaded"),
    ],
)
def test_what_the_hub_refuses_is_told_with_what_to_do(
    tmp_path: Path, hub: Hub, where: str, refusal: tuple[int, str], token: str, words: str
) -> None:
    hub.refusals[where] = refusal
    status, output = pull(tmp_path, hub, "m", HF_TOKEN=token)
    assert status == 1
    assert words.format(url=hub.url) in output
    assert "Traceback" not in output
    assert token == "" or token not in output


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("hf://owner/repo/modle.gguf", "owner/repo has no file 'modle.gguf'. Did you mean 'model.gguf'?"),
        ("hf://owner/repo@mian/model.gguf", "owner/repo has no revision 'mian'. Did you mean 'main'?"),
        ("hf://owner/none/model.gguf", "there is no repository {url}/owner/none"),
    ],
)
def test_a_name_that_is_wrong_is_told_with_the_nearest(tmp_path: Path, hub: Hub, path: str, words: str) -> None:
    status, output = pull(tmp_path, hub, "m", path=path)
    assert status == 1
    assert words.format(url=hub.url) in output


def test_offline_and_not_here_is_told(tmp_path: Path, hub: Hub) -> None:
    status, output = pull(tmp_path, hub, "m", HF_HUB_OFFLINE="1")
    assert (status, "HF_HUB_OFFLINE=1 forbids to ask the Hub" in output) == (1, True)


def test_what_does_not_fit_the_disk_is_not_begun_and_a_disk_that_runs_full_is_freed(tmp_path: Path, hub: Hub) -> None:
    home = tmp_path / "hub"
    home.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(home)]
    if os.geteuid() or subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted only by root")
    try:
        status, output = pull(tmp_path, hub, "m")
        assert (status, hub.downloads) == (1, [])
        assert "is full: 1.5 MiB are missing, and 1.2 MiB are free. Free some space, or set HF_HOME" in output
        hub.tells_sizes = False
        status, output = pull(tmp_path, hub, "m")
        assert (status, hub.downloads, parts(tmp_path)) == (1, [MODEL], [])
        assert "is full: more is needed" in output
        subprocess.run(["mount", "-o", "remount,size=4m", str(home)], check=True)
        assert pull(tmp_path, hub, "m")[0] == 0
    finally:
        subprocess.run(["umount", str(home)], check=True)


def test_what_killed_downloads_have_left_is_removed(tmp_path: Path, hub: Hub) -> None:
    blobs(tmp_path).mkdir(parents=True)
    names = [f"{SHA256}.0a1b2c3d.incomplete", f"{SHA256}.ffffffff.incomplete", f"{'0' * 64}.caravan.incomplete"]
    left, growing, stale = [blobs(tmp_path) / name for name in names]
    for part in (left, growing, stale):
        part.write_bytes(b"x")
    for part in (left, stale):
        os.utime(part, (0, 0))
    os.utime(growing, (soon := time.time() + 3600, soon))
    status, output = pull(tmp_path, hub, "m")
    assert status == 0, output
    assert parts(tmp_path) == [growing.name]


def test_an_unknown_model_is_refused(tmp_path: Path, hub: Hub) -> None:
    status, output = pull(tmp_path, hub, "other")
    assert status == 1
    assert "There is no model 'other'" in output


def test_a_token_is_sent_to_the_hub(tmp_path: Path, hub: Hub) -> None:
    pull(tmp_path, hub, "m", HF_TOKEN="hf_secret")
    assert "Bearer hf_secret" in hub.tokens
