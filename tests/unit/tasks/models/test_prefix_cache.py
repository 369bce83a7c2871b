"""What an entry says of prefixes beyond the cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.models.catalogue import ModelEntry, load
from tasks.models.prefix_cache import PrefixCache


def read(said: Any) -> PrefixCache | None:
    return ModelEntry(path="demo", prefix_cache=said).prefix_cache


@pytest.mark.parametrize("said", [None, False, "off"])
def test_it_is_off_unless_memory_is_named(said: Any) -> None:
    assert read(said) is None


@pytest.mark.parametrize("said", ["4GiB", "4 G", 4 << 30, {"memory": "4GiB"}])
def test_a_size_is_memory(said: Any) -> None:
    assert read(said) == PrefixCache(memory=4 << 30)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("lots", "memory must be a size such as 4GiB"),
        ("10K", "at least 1.0 MiB"),
        (True, "memory must be a size"),
        ({"folder": "x", "disk": "1GiB"}, "say how much memory"),
        ({"memory": "1GiB", "folder": "x"}, "folder and disk go together"),
        ({"memory": "1GiB", "disk": "1GiB"}, "folder and disk go together"),
        ({"memory": "1GiB", "folder": "x", "disk": "x"}, "disk must be a size"),
        ({"memory": "1GiB", "foldr": "x"}, "foldr is not a key of it; there are memory, folder, disk"),
        ({"memory": "1GiB", "folder": 7, "disk": "1GiB"}, "folder must be the path of a folder"),
    ],
)
def test_what_it_cannot_be_is_told(said: Any, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        read(said)


def test_a_folder_is_meant_from_the_models_file_and_the_entry_can_be_written_again(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("models:\n  one:\n    path: demo\n    prefix_cache: {memory: 1G, folder: kept, disk: 2G}\n")
    entry = load(path)["one"]
    assert entry.prefix_cache == PrefixCache(memory=1 << 30, folder=str(tmp_path / "kept"), disk=2 << 30)
    assert ModelEntry.model_validate(entry.written()) == entry
