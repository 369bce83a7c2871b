"""Files of pages: whole or not at all, of nobody else's, within a budget, and looked at before they are believed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.engine.pages import folder as folders
from tasks.engine.pages.folder import PageFolder, Refused

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
SAVED = bytes(range(256)) * 4


@pytest.fixture
def folder(tmp_path: Path) -> PageFolder:
    return PageFolder(tmp_path, budget=1 << 20)


def file_of(tmp_path: Path, key: bytes = KEY) -> Path:
    return tmp_path / "pages" / f"{key.hex()}.page"


def keys(folder: PageFolder) -> list[bytes]:
    return [file.key for file in folder.files()]


def test_what_was_written_is_read(folder: PageFolder) -> None:
    folder.write(KEY, SAVED, number=0)
    folder.write(OTHER, memoryview(b"another"), number=1)
    assert (folder.read(KEY), folder.read(OTHER)) == (SAVED, b"another")


def test_nobody_else_may_read(folder: PageFolder, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder.write(KEY, SAVED, number=0)
    finally:
        os.umask(before)
    assert (tmp_path / "pages").stat().st_mode & 0o777 == 0o700
    assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_may_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir(mode=0o755)
    PageFolder(tmp_path, budget=1)
    assert (tmp_path / "pages").stat().st_mode & 0o777 == 0o700


@given(data=st.data())
def test_a_file_that_was_changed_or_cut_is_refused_and_deleted(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("pages")
    folder = PageFolder(path, budget=1 << 20)
    folder.write(KEY, SAVED, number=0)
    whole = file_of(path).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    cut, longer = whole[:at], whole + b"x"
    flipped = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
    file_of(path).write_bytes(data.draw(st.sampled_from([cut, longer, flipped])))
    with pytest.raises(Refused):
        folder.read(KEY)
    assert not file_of(path).exists()


def test_a_file_under_anothers_name_is_refused(folder: PageFolder, tmp_path: Path) -> None:
    folder.write(KEY, SAVED, number=0)
    file_of(tmp_path).rename(file_of(tmp_path, OTHER))
    with pytest.raises(Refused, match="another key"):
        folder.read(OTHER)


def test_a_link_to_a_file_elsewhere_is_not_followed(folder: PageFolder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    file_of(tmp_path).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        folder.read(KEY)


def test_the_least_recently_used_files_are_deleted_where_there_is_no_room(tmp_path: Path) -> None:
    folder = PageFolder(tmp_path, budget=4000)
    for number in range(3):
        folder.write(bytes([number]) * 32, SAVED, number=0)
        time.sleep(0.01)
    folder.touch([bytes([0]) * 32])
    left = folder.trim(len(SAVED))
    assert [file.key[0] for file in left] == [2, 0]


def test_the_pages_of_a_text_go_from_its_end(tmp_path: Path) -> None:
    folder = PageFolder(tmp_path, budget=4000)
    text = [bytes([number]) * 32 for number in range(3)]
    for number, key in enumerate(text):
        folder.write(key, SAVED, number=number)
    folder.touch(text)
    assert [file.key for file in folder.trim(len(SAVED))] == [text[1], text[0]]


def test_what_was_never_finished_is_deleted_in_the_end(folder: PageFolder, tmp_path: Path) -> None:
    torn = tmp_path / "pages" / f"{KEY.hex()}.123.part"
    torn.write_bytes(b"half")
    assert (keys(folder), torn.exists()) == ([], True)
    long_ago = time.time() - folders.UNFINISHED_SECONDS - 1
    os.utime(torn, (long_ago, long_ago))
    assert (keys(folder), torn.exists()) == ([], False)


def test_other_files_are_left_alone(folder: PageFolder, tmp_path: Path) -> None:
    others = [tmp_path / "pages" / name for name in ("notes.txt", "abc.page", f"{KEY.hex()}.txt")]
    for other in others:
        other.write_text("mine")
    assert folder.trim(1 << 30) == []
    assert all(other.exists() for other in others)


def test_what_is_no_regular_file_is_no_page_and_is_left_alone(folder: PageFolder, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    folder.write(KEY, SAVED, number=0)
    file_of(tmp_path, OTHER).mkdir()
    os.mkfifo(pages / f"{bytes(32).hex()}.page")
    (pages / "old.part").mkdir()
    os.utime(pages / "old.part", (1, 1))
    assert keys(folder) == [KEY]
    assert folder.trim(1 << 20) == []
    assert len(list(pages.iterdir())) == 3


def test_a_pipe_keeps_nobody_waiting(folder: PageFolder, tmp_path: Path) -> None:
    os.mkfifo(file_of(tmp_path))
    with pytest.raises(Refused, match="no regular file"):
        folder.read(KEY)
    assert not file_of(tmp_path).exists()


def test_a_folder_that_was_deleted_is_made_again(folder: PageFolder, tmp_path: Path) -> None:
    (tmp_path / "pages").rmdir()
    assert folder.trim(0) == []
    folder.write(KEY, SAVED, number=0)
    assert folder.read(KEY) == SAVED
