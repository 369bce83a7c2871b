"""The head of a model's file: what it tells of its model, and whether it is one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tasks.models import gguf, gguf_types
from tasks.models.catalogue import DEMO, gguf_path


def test_a_gguf_file_tells_what_its_cache_takes() -> None:
    fields = gguf.fields(gguf_path(DEMO))
    assert fields["general.architecture"] == "llama"
    assert gguf.cache_bytes_per_token(fields) == 2 * 4 * 5 * 32 * 2  # as docs/models.md has it


def test_heads_may_differ_by_layer_and_a_file_may_say_nothing() -> None:
    model = {
        "general.architecture": "x",
        "x.block_count": 2,
        "x.attention.head_count": [4, 4],
        "x.attention.head_count_kv": [2, 0],
        "x.embedding_length": 64,
    }
    assert gguf.cache_bytes_per_token(model) == 2 * 2 * 16 * 2
    assert (
        gguf.cache_bytes_per_token({**model, "x.attention.key_length": 8, "x.attention.value_length": 4}) == 2 * 12 * 2
    )
    assert gguf.cache_bytes_per_token({"general.architecture": "mamba", "mamba.block_count": 4}) == 0


def test_what_is_no_gguf_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(gguf.NotGguf, match="is not a GGUF file"):
        gguf.fields(path)
    path.write_bytes(gguf_path(DEMO).read_bytes()[:300])
    with pytest.raises(gguf.NotGguf, match="incomplete"):
        gguf.fields(path)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 1 << 40) + struct.pack("<Q", 1 << 62))
    with pytest.raises(gguf.NotGguf, match="damaged"):
        gguf.fields(path)


@pytest.mark.parametrize("alignment", [float("inf"), float("nan")])
def test_an_alignment_that_is_no_number_of_bytes_is_damage(alignment: float, tmp_path: Path) -> None:
    path, key = tmp_path / "model-00001-of-00000.gguf", b"general.alignment"
    path.write_bytes(b"GGUF" + struct.pack(f"<IQQQ{len(key)}sId", 3, 0, 1, len(key), key, 12, alignment))
    assert gguf.parts(path) == [path]
    assert "damaged" in gguf.trouble(path)
    assert not gguf.has_whole_head(path)


def test_lists_in_lists_without_end_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    nested = struct.pack("<IQ", 9, 1) * 5000
    path.write_bytes(
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9) + nested
    )
    with pytest.raises(gguf.NotGguf, match="damaged"):
        gguf.fields(path)


def test_the_head_has_every_tensor_and_the_files_own_size() -> None:
    head = gguf.head(gguf_path(DEMO))
    size = gguf_path(DEMO).stat().st_size
    assert gguf_types.num_weights(head.tensors) == 1_435_040
    assert gguf_types.quantisation(None, head.tensors) == "Q8_0" == gguf_types.quantisation(7, ())
    assert gguf_types.missing_bytes(head.tensors, size - head.weights_begin) == 0
    assert gguf_types.missing_bytes(head.tensors, 0) == size - head.weights_begin


def test_a_split_model_has_several_files() -> None:
    first = Path("/m/big-00001-of-00003.gguf")
    assert [part.name for part in gguf.parts(first)] == [f"big-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    assert gguf.parts(Path("/m/small.gguf")) == [Path("/m/small.gguf")]


def test_what_nothing_can_load_is_told_with_what_to_do(tmp_path: Path) -> None:
    assert gguf.trouble(gguf_path(DEMO)) == ""
    path = tmp_path / "model.gguf"
    assert gguf.trouble(path) == f"there is no file {path}"
    path.write_text("<html>")
    assert gguf.trouble(path) == f"{path} is not a GGUF file: download it again"
    path.write_bytes(gguf_path(DEMO).read_bytes()[:-1000])
    assert gguf.trouble(path) == f"{path} is incomplete, its last 1000 B are missing: download it again"
    first = tmp_path / "big-00001-of-00002.gguf"
    first.write_bytes(gguf_path(DEMO).read_bytes())
    assert gguf.trouble(first) == f"there is no file {tmp_path / 'big-00002-of-00002.gguf'}"
