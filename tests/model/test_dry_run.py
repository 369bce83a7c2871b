"""What a model would take of memory, told without its weights: the sizes that loading it really allocates."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from tasks.engine.backend import BackendFailure, Row
from tasks.engine.llama import LlamaBackend, LlamaEmbeddingBackend, library
from tasks.engine.llama.dry_run import sizes
from tasks.engine.llama.model import Model
from tasks.machine.memory import Room
from tasks.models import gguf
from tasks.models.catalogue import DEMO, ModelEntry, gguf_path
from tasks.models.plan import dry_run
from tasks.settings import Settings
from tasks.worker import loading
from tests.support import tiny_models

ALLOCATED = re.compile(r"(model|KV|RS|compute|output) buffer size = +(\d+\.\d+) MiB")
MIB = 1 << 20


def load(path: Path, *, allocates: bool) -> Model:
    return LlamaBackend(path, num_slots=3, context=256, cache_tokens=512, threads=1, allocates=allocates)


def allocated(path: Path) -> dict[str, float]:
    """MiB, by what they are for, of a model that is really loaded, and of which all logits are asked for."""
    with library.lines_told() as lines:
        model = load(path, allocates=True)
        assert isinstance(model, LlamaBackend)
        grown = model.most_output_bytes / MIB
        model.close()
    found: dict[str, float] = {}
    for match in filter(None, map(ALLOCATED.search, lines)):
        found[match[1]] = found.get(match[1], 0.0) + float(match[2])
    return {**found, "output": max(found["output"], grown)}


@pytest.mark.parametrize("kind", ["demo", *tiny_models.KINDS])
def test_sizes_are_those_that_loading_allocates(kind: str, tmp_path: Path) -> None:
    path = gguf_path(DEMO) if kind == "demo" else tiny_models.write_kind(kind, tmp_path)
    told, real = sizes(lambda: load(path, allocates=False)), allocated(path)
    assert told["cache"] / MIB == pytest.approx(real.get("KV", 0.0) + real.get("RS", 0.0), abs=0.05)
    assert told["buffers"] / MIB == pytest.approx(real["compute"] + real["output"], abs=0.05)
    assert told["weights"] == pytest.approx(path.stat().st_size, rel=0.3)


def test_the_plan_has_room_for_logits_that_llama_cpp_makes_room_for_when_they_are_asked_for() -> None:
    rows = [Row(5, position, 0, True) for position in range(250)]
    with library.lines_told() as lines:
        model = load(gguf_path(DEMO), allocates=True)
        assert isinstance(model, LlamaBackend)
        model.decode(rows)
        model.close()
    (first,) = (float(match[2]) * MIB for match in map(ALLOCATED.search, lines) if match and match[1] == "output")
    assert first < len(rows) * model.vocab_size * 4 <= model.most_output_bytes


def test_a_matrix_that_llama_cpp_has_twice_counts_twice(tmp_path: Path) -> None:
    """Of models whose tokens go in and come out by one matrix, which is rearranged for the processor."""
    assert gguf.doubled_bytes(gguf_path(DEMO)) == 0
    fields, tensors = tiny_models.sentencepiece(tiny_models.Weights(0))
    tiny_models.write_gguf(tmp_path / "apart.gguf", fields, tensors)
    weights = tensors["token_embd.weight"].size
    tiny_models.write_gguf(tmp_path / "none.gguf", fields, {})  # as the first part of a split model may be
    del tensors["output.weight"]
    tiny_models.write_gguf(tmp_path / "tied.gguf", fields, tensors)
    data = bytearray((tmp_path / "tied.gguf").read_bytes())
    kind = data.index(b"token_embd.weight") + len("token_embd.weight") + 4 + 2 * 8
    data[kind : kind + 4] = (2).to_bytes(4, "little")
    (tmp_path / "q4_0.gguf").write_bytes(data)
    told = {name: gguf.doubled_bytes(tmp_path / f"{name}.gguf") for name in ("none", "apart", "tied", "q4_0")}
    assert told["none"] == told["apart"] == told["tied"] == 0
    assert told["q4_0"] == weights // 32 * 18  # as ggml writes blocks of this type


def test_a_worker_tells_them_of_either_kind_of_model() -> None:
    text = ModelEntry(path="demo", slots=4, context=512)
    wider = text.model_copy(update={"slots": 8})
    vectors = ModelEntry(path="demo", kind="embedding", context=256)
    one, two, three = dry_run.sizes([text, wider, vectors])
    assert (one.layers, one.on_card) == (4, False)
    assert two.cache == 2 * one.cache
    assert three.buffers


def test_a_file_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf_path(DEMO).read_bytes()[:500_000])
    with pytest.raises(dry_run.CannotLoad, match=r"is incomplete, its last 1\.0 MiB are missing: download it again"):
        dry_run.sizes([ModelEntry(path=str(path))])


def test_a_process_that_ends_without_an_answer_has_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARAVAN_THREADS", "many")
    with pytest.raises(dry_run.CannotTell, match="CARAVAN_THREADS"):
        dry_run.sizes([DEMO])


def test_what_cannot_fit_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "read_room", lambda: Room(128 * MIB, 0, limited=True))
    with pytest.raises(BackendFailure, match=r"it takes \d+ MiB \(weights .*\), and the control group gives 128 MiB"):
        loading.load_work(DEMO, Settings(threads=1), Mock())


def test_what_surely_fits_is_loaded_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "sizes", Mock(side_effect=AssertionError))
    monkeypatch.setattr(loading, "read_room", lambda: Room(8 << 30, 0, limited=False))
    loading.load_work(DEMO, Settings(threads=1), Mock()).vocabulary.close()  # type: ignore[attr-defined]


def test_where_nothing_tells_the_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(loading, "read_room", lambda: Room(1 << 30, 0, limited=False))
    work = loading.load_work(DEMO, Settings(threads=1), Mock())
    assert work.context == DEMO.context
    work.vocabulary.close()  # type: ignore[attr-defined]


def test_an_embedding_model_can_be_asked_alone() -> None:
    told = sizes(lambda: LlamaEmbeddingBackend(gguf_path(DEMO), num_slots=4, context=256, allocates=False))
    assert told["buffers"] > 0
