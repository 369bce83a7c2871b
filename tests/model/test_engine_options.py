"""What an entry tells llama.cpp: it reaches the library, its texts stay whole, and the plan computes with it."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args
from unittest.mock import Mock

import llama_cpp
import numpy as np
import pytest

from tasks.engine.backend import BackendFailure, Row
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend, LlamaEmbeddingBackend, library
from tasks.engine.llama.dry_run import sizes
from tasks.engine.llama.options import CACHE_TYPES, Options
from tasks.engine.sequence import Sequence
from tasks.models.cache_types import BYTES, CacheType
from tasks.models.catalogue import DEMO, ModelEntry, gguf_path
from tasks.models.engine_keys import EngineKeys
from tasks.models.plan import dry_run
from tasks.records.sampling import SamplingParams
from tasks.settings import Settings
from tasks.worker import loading
from tests.support import tiny_models
from tests.support.decoding import drain

MIB = 1 << 20
PARAMS = SamplingParams(temperature=0, max_tokens=100, ignore_eos=True)
BEGINNING = "Tell me a story about a llama. It is to be kind, and the llama lives by the forest. "
"""Of several prompts, so that they share it."""
ENDINGS = ["Who are you?", "Begin.", "Let there be a fox.", "Let it rain."]
OLGA = {"role": "user", "content": "Hello"}


def load(*, cache_tokens: int = 4096, threads: int = 1, **options: Any) -> LlamaBackend:
    return LlamaBackend(
        gguf_path(DEMO),
        num_slots=3,
        context=512,
        cache_tokens=cache_tokens,
        threads=threads,
        options=Options(**options),
    )


def story(backend: LlamaBackend, ending: str) -> Sequence:
    prompt = backend.render_chat([{"role": "user", "content": BEGINNING + ending}])
    tokens = backend.tokenize(prompt, add_special=False, parse_special=True)
    return Sequence(job=ending, index=0, prompt=tokens, params=PARAMS, context=backend.context)


def texts(backend: LlamaBackend) -> tuple[list[str], Engine, list[Sequence]]:
    """Of all endings together."""
    engine, stories = Engine(backend), [story(backend, ending) for ending in ENDINGS]
    for each in stories:
        engine.submit([each])
        engine.step()
    drain(engine)
    return [each.text for each in stories], engine, stories


def alone(backend: LlamaBackend) -> list[str]:
    found = []
    for ending in ENDINGS:
        engine, each = Engine(backend), story(backend, ending)
        engine.submit([each])
        drain(engine)
        found.append(each.text)
    return found


def test_every_option_is_a_key_of_an_entry_and_every_format_a_format_of_ggml() -> None:
    others = {"threads", "gpu_layers", "speculation", "prefix_cache", "adapters"}
    assert {field.name for field in fields(Options)} == set(EngineKeys.model_fields) - others
    assert set(CACHE_TYPES) == set(BYTES) == set(get_args(CacheType))


SCALED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "linear": ({"rope_scaling": "linear", "rope_scale": 2.0}, {"rope_scaling_type": 1, "rope_freq_scale": 0.5}),
    "yarn": (
        {"rope_scaling": "yarn", "rope_scale": 4.0, "yarn_orig_context": 512},
        {"rope_scaling_type": 2, "rope_freq_scale": 0.25, "yarn_orig_ctx": 512},
    ),
    "base": ({"rope_freq_base": 50_000.0}, {"rope_freq_base": 50_000.0}),
}


@pytest.mark.parametrize("way", SCALED)
def test_scaled_positions_give_llama_cpps_own_text_for_them(way: str) -> None:
    ours, theirs = SCALED[way]
    backend = LlamaBackend(
        gguf_path(DEMO), num_slots=1, context=1 << 20, cache_tokens=8192, threads=1, options=Options(**ours)
    )
    trained = backend.measures["n_ctx_train"]
    assert backend.context == int(trained * ours.get("rope_scale", 1))
    asked = story(backend, ENDINGS[0])
    peer = llama_cpp.Llama(
        str(gguf_path(DEMO)), n_ctx=1024, n_threads=1, verbose=False, flash_attn=True, n_gpu_layers=0, **theirs
    )
    expected = list(itertools.takewhile(lambda token: token != peer.token_eos(), peer.generate(asked.tokens, temp=0.0)))
    engine = Engine(backend)
    engine.submit([asked])
    drain(engine)
    assert expected
    assert asked.generated[: len(expected)] == expected
    backend.close()


def test_a_scaled_model_decodes_beyond_what_it_was_trained_for() -> None:
    options = Options(rope_scaling="linear", rope_scale=2.0)
    backend = LlamaBackend(gguf_path(DEMO), num_slots=1, context=1 << 20, cache_tokens=8192, threads=1, options=options)
    trained = backend.measures["n_ctx_train"]
    prompt = (story(backend, ENDINGS[0]).tokens * trained)[: trained + 40]
    longer = Sequence(job=1, index=0, prompt=prompt, params=PARAMS, context=backend.context)
    engine = Engine(backend)
    engine.submit([longer])
    drain(engine)
    assert longer.num_generated == PARAMS.max_tokens
    backend.close()


@pytest.mark.parametrize("kind", ["bf16", "q8_0", "q4_0"])
def test_prefixes_and_set_back_sequences_keep_their_text_in_other_formats(kind: str) -> None:
    """Cells are shared and given up as they are in 16-bit floats: texts are those that are computed alone."""
    roomy, cramped = (load(cache_tokens=cells, cache_type_k=kind, cache_type_v=kind) for cells in (4096, 256))
    expected = alone(roomy)
    together, _, stories = texts(roomy)
    assert together == expected
    assert max(each.num_cached or 0 for each in stories) > 20
    again, engine, _ = texts(cramped)
    assert again == expected
    assert engine.figures.set_back
    roomy.close()
    cramped.close()


@pytest.mark.parametrize("kind", [*tiny_models.KINDS])
def test_models_of_every_kind_take_a_quantised_cache(kind: str, tmp_path: Path) -> None:
    path = tiny_models.write_kind(kind, tmp_path)
    options = Options(cache_type_k="q8_0", cache_type_v="q8_0")
    backend = LlamaBackend(path, num_slots=2, context=200, cache_tokens=512, threads=1, options=options)
    engine = Engine(backend)
    prompt = backend.tokenize(tiny_models.WORDS, add_special=False, parse_special=False)
    each = [Sequence(job=job, index=0, prompt=prompt, params=PARAMS, context=200) for job in range(2)]
    engine.submit(each)
    drain(engine)
    assert each[0].text == each[1].text
    backend.close()


@pytest.mark.parametrize(
    "told",
    [
        {"cache_type_k": "q8_0", "cache_type_v": "q4_0"},
        {"cache_type_k": "f32", "cache_type_v": "bf16"},
        {"batch_tokens": 128},
        {"batch_tokens": 1024, "ubatch_tokens": 256},
        {"flash_attention": "off"},
        {"flash_attention": "auto"},
        {"mmap": False},
    ],
    ids=str,
)
def test_the_plan_has_the_sizes_that_loading_with_the_same_keys_allocates(told: dict[str, Any]) -> None:
    pattern = re.compile(r"(KV|compute|output) buffer size = +(\d+\.\d+) MiB")
    with library.lines_told() as lines:
        backend = load(**told)
        backend.close()
    found = [(match[1], float(match[2])) for match in map(pattern.search, lines) if match]
    real = {kind: sum(size for name, size in found if name == kind) for kind in ("KV", "compute", "output")}
    entry = ModelEntry(path="demo", slots=3, context=512, kv_tokens=4096, threads=1, **told)
    planned = sizes(lambda: loading.load_llama(entry, Settings(), allocates=False))
    assert planned["cache"] / MIB == pytest.approx(real["KV"], abs=0.05)
    assert planned["buffers"] / MIB == pytest.approx(real["compute"] + backend.most_output_bytes / MIB, abs=0.05)


def test_a_quantised_cache_is_as_much_smaller_as_its_format_says() -> None:
    told = [ModelEntry(path="demo", cache_type_k=kind, cache_type_v=kind) for kind in BYTES]
    found = dict(zip(BYTES, dry_run.sizes(told), strict=True))
    for kind, size in found.items():
        assert size.cache / found["f16"].cache == pytest.approx(BYTES[kind] / BYTES["f16"], rel=0.01)


def test_batches_are_as_large_as_they_are_said_to_be() -> None:
    backend = load(batch_tokens=1024, ubatch_tokens=64)
    assert (backend.batch_tokens, llama_cpp.llama_n_ubatch(backend.ctx)) == (1024, 64)
    assert backend.options.batch_tokens <= llama_cpp.llama_n_batch(backend.ctx)
    plain = load()
    assert texts(backend)[0] == texts(plain)[0]
    Engine(backend)  # which empties its slots
    rows = [Row(5, position, slot, True) for slot in range(3) for position in range(100)]
    backend.decode(rows)
    assert all(np.isfinite(backend.logits(row)).all() for row in range(len(rows)))
    backend.close()
    plain.close()


def test_prompts_have_threads_of_their_own() -> None:
    backend = load(threads=1, threads_batch=2)
    backend.decode([Row(5, position, 0, position == 9) for position in range(10)])
    assert llama_cpp.llama_n_threads(backend.ctx) == 2
    backend.decode([Row(6, 10, 0, True), Row(6, 0, 1, True)])
    assert llama_cpp.llama_n_threads(backend.ctx) == 1
    backend.close()


def test_a_format_that_a_models_heads_cannot_have_is_told_in_llama_cpps_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_models, "HEADS", 4)  # of 16 numbers: half a block
    path = tiny_models.write_kind("sentencepiece", tmp_path)
    entry = ModelEntry(path=str(path), slots=2, context=128, cache_type_k="q8_0")
    with pytest.raises(BackendFailure, match="refuses the model's settings: K cache type q8_0 with block size 32"):
        loading.load_work(entry, Settings(threads=1), Mock())


def test_a_template_takes_the_place_of_the_models_own() -> None:
    template = "{% for message in messages %}[{{ message['content'] }}]{% endfor %}"
    backend = load(chat_template=template)
    assert backend.render_chat([OLGA]) == "[Hello]"
    assert backend.tokenizer_info()["chat_template"] == template
    backend.close()


def test_a_template_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(BackendFailure, match="chat_template: compiling it takes more than"):
        load(chat_template="{{ 'x' * 999999999999 }}{{ messages }}")


@pytest.mark.parametrize("mmap", [True, False])
def test_weights_that_cannot_be_locked_are_told_with_the_limit(mmap: bool) -> None:
    program = f"""
import ctypes, resource
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 18, 1 << 18))
head, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc = ctypes.CDLL(None)
libc.capget(head, sets)
sets[0] &= ~(1 << 14)  # root may lock whatever it likes (CAP_IPC_LOCK)
sets[1] &= ~(1 << 14)
libc.capset(head, sets)
from tasks.engine.backend import BackendFailure
from tasks.models.catalogue import DEMO
from tasks.settings import Settings
from tasks.worker.loading import load_llama
try:
    load_llama(DEMO.model_copy(update={{"mlock": True, "mmap": {mmap}}}), Settings(threads=1))
except BackendFailure as exc:
    print(exc)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "mlock: failed to mlock" in told
    assert "raise the limit (ulimit -l unlimited, LimitMEMLOCK=infinity), or leave mlock out" in told


def test_an_entry_goes_before_the_settings() -> None:
    settings = Settings(threads=2, gpu_layers=0)
    given = loading.load_llama(ModelEntry(path="demo", context=128, threads=1), settings)
    left = loading.load_llama(ModelEntry(path="demo", context=128), settings)
    assert [llama_cpp.llama_n_threads(each.ctx) for each in (given, left)] == [1, 2]  # type: ignore[union-attr]
    given.close()
    left.close()


# -- vectors


def vectors(path: Path, **options: Any) -> Any:
    backend = LlamaEmbeddingBackend(path, num_slots=2, context=256, threads=1, options=Options(**options))
    tokens = backend.tokenize(tiny_models.WORDS, add_special=True, parse_special=False)
    (found,) = backend.embed([tokens])
    found = np.array(found)
    backend.close()
    return found


def test_vectors_are_pooled_as_the_entry_says(tmp_path: Path) -> None:
    mean, last = (tiny_models.write_embedding(f"{kind}_of_llama", tmp_path) for kind in ("mean", "last"))
    assert vectors(mean, pooling="last") == pytest.approx(vectors(last), abs=1e-6)
    assert vectors(last, pooling="mean") == pytest.approx(vectors(mean), abs=1e-6)
    assert vectors(mean, pooling="cls") != pytest.approx(vectors(mean), abs=1e-3)


def test_an_embedding_models_batch_is_as_large_as_it_is_said_to_be() -> None:
    small, large = (
        sizes(
            lambda tokens=tokens: LlamaEmbeddingBackend(  # type: ignore[misc]
                gguf_path(DEMO), num_slots=4, context=256, allocates=False, options=Options(batch_tokens=tokens)
            )
        )
        for tokens in (256, 2048)
    )
    assert large["buffers"] > 2 * small["buffers"]
