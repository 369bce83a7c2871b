"""Checksums are computed once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from huggingface_hub import constants

from tasks.models import checksums, expected
from tasks.models.catalogue import ModelEntry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_sum_is_kept_until_the_file_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    assert checksums.known(path) == ""
    assert checksums.sha256(path) == hashlib.sha256(b"one").hexdigest() == checksums.known(path)
    checksums.remember(path, "kept")
    assert checksums.sha256(path) == "kept", "it is not read again"
    path.write_bytes(b"other")
    assert checksums.sha256(path) == hashlib.sha256(b"other").hexdigest()
    checksums.forget(path)
    assert checksums.known(path) == ""


def test_what_was_kept_badly_is_computed_again(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    checksums.sha256(path)
    (kept,) = (home / "caravan" / "checksums").iterdir()
    for text in ("", "[]", "{}", "null", '{"of": 3, "sha256": "x"}'):
        kept.write_text(text)
        assert checksums.sha256(path) == hashlib.sha256(b"one").hexdigest()


def test_where_nothing_can_be_kept_it_is_computed_each_time(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    home.write_text("no folder")
    assert checksums.sha256(path) == hashlib.sha256(b"one").hexdigest()
    assert checksums.known(path) == ""


def test_a_file_of_ones_own_with_another_sum_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"one")
    entry = ModelEntry(path=str(path), sha256=("0" * 64,))
    assert not expected.is_known(entry)
    with pytest.raises(expected.WrongChecksum) as caught:
        expected.check(entry)
    found = hashlib.sha256(b"one").hexdigest()
    words = f"{path} has the SHA-256 {found}, and models.yaml says {'0' * 64}: download it again, or correct sha256"
    assert str(caught.value) == words
    assert path.exists()
    assert expected.is_known(entry)
    expected.check(ModelEntry(path=str(path), sha256=(found,)))
