"""The folder of files: parts with one writer each, of which counts what a record says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.files.folder import PIECE, Folder
from tasks.files.record import Part

FILE = "file-" + "a" * 24


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "files")


def write(folder: Folder, number: int, data: bytes, *, counted: int | None = None) -> Part:
    with folder.create(FILE, number) as writer:
        writer.write(data)
        writer.sync()
    return Part(writer.part.name, len(data) if counted is None else counted)


def test_a_file_is_the_counted_bytes_of_its_parts(folder: Folder) -> None:
    parts = [write(folder, 1, b"abcXX", counted=3), write(folder, 5, b"", counted=0), write(folder, 7, b"defg")]
    whole = b"abcdefg"
    assert b"".join(folder.read(parts)) == whole
    for start in range(8):
        for stop in range(start, 8):
            assert b"".join(folder.read(parts, start, stop)) == whole[start:stop], (start, stop)


def test_a_large_file_is_read_in_pieces(folder: Folder) -> None:
    part = write(folder, 0, os.urandom(3 * PIECE + 1))
    assert [len(piece) for piece in folder.read([part])] == [PIECE, PIECE, PIECE, 1]


def test_a_part_has_one_writer(folder: Folder) -> None:
    write(folder, 1, b"a")
    with pytest.raises(FileExistsError):
        folder.create(FILE, 1)


def test_what_fails_leaves_nothing(folder: Folder, tmp_path: Path) -> None:
    def fail() -> None:
        with folder.create(FILE, 1) as writer:
            writer.write(b"abc")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list((tmp_path / "files").iterdir()) == []


def test_a_part_that_is_shorter_than_its_record_is_an_error_and_no_silence(folder: Folder) -> None:
    with pytest.raises(OSError, match="shorter"):
        list(folder.read([write(folder, 1, b"abc", counted=4)]))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "file-x.1", FILE, f"{FILE}.1/..", f"{FILE}.1\0", ""])
def test_nothing_but_our_own_names_becomes_a_path(folder: Folder, name: str) -> None:
    write(folder, 1, b"abc")
    with pytest.raises(ValueError, match="name of a part"):
        list(folder.read([Part(name, 3)]))
    with pytest.raises(ValueError, match="name of a part"):
        folder.delete([Part(name, 3)])


def test_parts_are_listed_by_their_age_and_strangers_are_not(folder: Folder, tmp_path: Path) -> None:
    assert list(folder.names()) == []
    part = write(folder, 1, b"abc")
    (tmp_path / "files" / "notes.txt").write_text("mine")
    assert list(folder.names(older_than=60)) == []
    assert list(folder.names(older_than=0)) == [part.name]
    folder.delete([part, part])
    assert list(folder.names(older_than=0)) == []
