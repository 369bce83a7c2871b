"""What the doctor makes of disks, and of the files of models."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from app.doctor import catalogue, disks
from app.doctor.disks import Disk, Folder
from app.doctor.finding import Finding, State
from tasks.models.catalogue import DEMO, gguf_path


def judged(error: int = 0, *, free: int = 1 << 40, needed: bool = True, files_left: bool = True) -> Finding:
    folder = Folder(
        check="disk of files",
        path=Path("/data/files"),
        setting="CARAVAN_FILES_DIR",
        wanted=1 << 30,
        wanted_for="the largest upload",
        needed=needed,
    )
    disk = Disk(
        folder=Path("/data"), mount="/data (tmpfs)", free=free, total=1 << 41, files_left=files_left, error=error
    )
    (finding,) = disks.judge(folder, disk)
    return finding


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.ENOSPC, "the disk is full (0 B of 2.0 TiB free on /data (tmpfs))"),
        (errno.EDQUOT, "quota of /data (tmpfs) is used up"),
        (errno.EROFS, "/data (tmpfs) is mounted read-only"),
        (errno.EACCES, "may not write into /data"),
        (errno.ENOTDIR, "/data is not a folder"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_file_that_cannot_be_written_is_a_fault_with_its_reason(error: int, words: str) -> None:
    finding = judged(error, free=0)
    assert finding.state == State.FAULT
    assert finding.found.startswith("/data/files: ")
    assert words in finding.found
    assert "CARAVAN_FILES_DIR" in finding.advice


def test_a_disk_without_inodes_is_told_from_a_full_one() -> None:
    assert "no inodes left" in judged(errno.ENOSPC, files_left=False).found


def test_a_folder_that_may_not_be_needed_here_is_a_warning() -> None:
    finding = judged(errno.EROFS, needed=False)
    assert finding.state == State.WARNING
    assert "without the web front or a clerk" in finding.advice


def test_little_room_is_a_warning() -> None:
    finding = judged(free=1 << 20)
    assert finding.state == State.WARNING
    assert "less than 1.0 GiB for the largest upload" in finding.found
    assert judged().state == State.OK


def test_a_trial_leaves_nothing_and_makes_no_folder(tmp_path: Path) -> None:
    disk = disks.read(tmp_path / "not" / "there")
    assert (disk.folder, disk.error) == (tmp_path, 0)
    assert 0 < disk.free <= disk.total
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert disks.read(tmp_path / "file" / "files").error == errno.ENOTDIR


def test_a_folder_is_found_on_the_innermost_file_system(tmp_path: Path) -> None:
    inner = tmp_path / "a b"
    inner.mkdir()
    escaped = str(inner).replace(" ", "\\040")
    mounts = tmp_path / "mounts"
    mounts.write_text(f"none {escaped} tmpfs rw 0 0\nnone / ext4 rw 0 0\nnone {tmp_path} xfs rw 0 0\n")
    assert disks.mounted(inner, mounts) == f"{inner} (tmpfs)"
    assert disks.mounted(tmp_path, mounts) == f"{tmp_path} (xfs)"
    assert disks.mounted(Path("/"), mounts) == "/ (ext4)"


def catalogue_of(folder: Path, text: str) -> list[tuple[State, str]]:
    (folder / "models.yaml").write_text(text)
    return [(finding.state, finding.found) for finding in catalogue.read(folder / "models.yaml")[1]]


def test_the_catalogue_is_read_and_its_files_are_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    assert catalogue_of(tmp_path, "models: {demo: {path: demo}}") == [(State.OK, f"{path}: 1 model")]
    ((state, found),) = catalogue_of(tmp_path, "models: {demo: {path: demo, slots: many}}")
    assert state == State.FAULT
    assert "models.demo.slots" in found
    (tmp_path / "text.gguf").write_text("text")
    (tmp_path / "cut.gguf").write_bytes(gguf_path(DEMO).read_bytes()[:-100])
    (tmp_path / "big-00001-of-00002.gguf").write_bytes(gguf_path(DEMO).read_bytes())
    found_of = dict(
        catalogue_of(
            tmp_path,
            "models: {gone: {path: gone.gguf}, text: {path: text.gguf}, cut: {path: cut.gguf}, "
            "big: {path: big-00001-of-00002.gguf}, fake: {path: fake}, far: {path: hf://nobody/none/model.gguf}}",
        )[::-1]
    )
    assert found_of[State.WARNING].startswith("far: hf://nobody/none/model.gguf is not downloaded yet")
    faults = [found for state, found in catalogue_of(tmp_path, path.read_text()) if state == State.FAULT]
    assert faults == [
        f"gone: there is no file {tmp_path / 'gone.gguf'}",
        f"text: {tmp_path / 'text.gguf'} is not a GGUF file",
        f"cut: {tmp_path / 'cut.gguf'} is incomplete, its last 100 B are missing",
        f"big: there is no {tmp_path / 'big-00002-of-00002.gguf'}",
    ]


def test_without_a_models_file_there_is_the_demo_model() -> None:
    entries, (finding,) = catalogue.read(None)
    assert entries is not None
    assert list(entries) == ["demo"]
    assert finding.state == State.OK


def test_a_models_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    entries, (finding,) = catalogue.read(tmp_path / "none.yaml")
    assert entries is None
    assert (finding.state, "none.yaml cannot be read" in finding.found) == (State.FAULT, True)
