"""A worker's store of prefixes, or why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.engine.backend import BackendFailure
from tasks.models.prefix_cache import PrefixCache
from tasks.worker.kept_prefixes import open_store


def test_without_the_key_there_is_none() -> None:
    assert open_store(None, files="digest") is None


def test_a_folder_is_made(tmp_path: Path) -> None:
    cache = PrefixCache(memory=1 << 20, folder=str(tmp_path / "deep" / "down"), disk=1 << 20)
    store = open_store(cache, files="digest")
    assert store
    store.close()
    assert (tmp_path / "deep" / "down" / "pages").is_dir()


def test_a_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendFailure, match=r"cannot be used .*; name one that the worker's user may write to"):
        open_store(PrefixCache(memory=1 << 20, folder=str(tmp_path / "file"), disk=1 << 20), files="digest")
