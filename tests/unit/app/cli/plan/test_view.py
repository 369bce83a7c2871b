"""What `caravan models plan` prints."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from app.cli.plan.view import as_json, entry, lines
from tasks.models.catalogue import ModelEntry, Workers
from tasks.models.plan.fit import Machine, Plan, Shape
from tasks.models.plan.sizes import Sizes

GIB = 1 << 30
SIZES = Sizes(
    weights=4 * GIB, cache=2 * GIB, buffers=GIB // 4, layers=32, parameters=8_030_000_000,
    on_card=False,
)  # fmt: skip


LLAMA = ModelEntry(path="llama.gguf")


def plan(*, memory: int = 32, cards: tuple[int, ...] = (), layers: int = 0, cache_tokens: int = 8192) -> Plan:
    shape = Shape(slots=4, context=4096, cache_tokens=cache_tokens)
    machine = Machine(memory=memory * GIB, cards=cards, cores=8)
    return Plan(shape=shape, sizes=SIZES, machine=machine, layers_on_cards=layers)


def test_the_parts_their_sum_and_the_entry_are_told() -> None:
    text = "\n".join(lines("llama", LLAMA, plan(), width=None))
    assert "Weights   4.0 GiB\nCache     2.0 GiB, 8,192 tokens\n" in text
    assert "Memory    6.4 GiB of 32 GiB\n" in text
    assert "It fits: 4 at once, 4,096 tokens each, 8,192 together. Who finds the cache full waits." in text
    assert "    kv_tokens: 8192\n    threads: 8\n\nQUANT" in text
    assert "Q8_0          7.9 GiB  yes" in text


def test_what_does_not_fit_says_what_to_do() -> None:
    text = "\n".join(lines("llama", LLAMA, plan(memory=6), width=None))
    assert "It does not fit: 4 at once, 4,096 tokens each. Ask for fewer users or less context" in text
    assert "Q4_K_M        4.6 GiB  no" in text
    assert "models:" not in text
    assert "Q2_K          3.0 GiB  yes" in text


def test_a_machine_that_is_too_small_for_any_model_is_not_told_of_smaller_files() -> None:
    text = "\n".join(lines("llama", LLAMA, plan(memory=0), width=None))
    assert "It does not fit: without any model a worker takes" in text
    assert "smaller file" not in text


def test_layers_on_a_card_are_told() -> None:
    whole = "\n".join(lines("llama", LLAMA, plan(cards=(24 * GIB,), layers=32), width=None))
    assert "GPU       6.2 GiB of 24 GiB, all layers" in whole
    assert "    gpu_layers: -1\n\nQUANT" in whole
    part = "\n".join(lines("llama", LLAMA, plan(cards=(4 * GIB,), layers=16, cache_tokens=16384), width=None))
    assert "GPU       3.2 GiB of 4.0 GiB, 16 of 32 layers" in part
    assert "It fits: 4 at once, 4,096 tokens each.\n" in part


@pytest.mark.parametrize("width", [80, 50, 40])
def test_no_line_but_the_entrys_is_wider_than_the_screen(width: int) -> None:
    told = lines("llama", ModelEntry(path="/a/path/that/is/very/long/" * 4), plan(), width=width)
    assert [line for line in told if len(line) > width and not line.startswith("    path:")] == []


def test_a_program_reads_bytes_and_the_entry() -> None:
    told = as_json("llama", LLAMA, plan())
    assert told["fits"]
    assert told["bytes"]["cache"] == 2 * GIB
    assert told["entry"] == yaml.safe_load("\n".join(entry("llama", LLAMA, plan())))["models"]
    assert {each["name"]: each["fits"] for each in told["quantisations"]}["F16"]


def test_what_the_entry_says_besides_stays() -> None:
    two = Workers(min=2, max=2)
    given = ModelEntry(path="x.gguf", cache_type_k="q8_0", slots=2, kv_tokens=4096, threads=3, workers=two)
    told = as_json("x", given, plan(cache_tokens=16384))["entry"]["x"]
    assert told == {
        "path": "x.gguf", "cache_type_k": "q8_0", "slots": 4, "context": 4096, "threads": 3,
        "workers": {"min": 2, "max": 2},
    }  # fmt: skip


def test_memory_for_prefixes_is_told_and_counted() -> None:
    with_prefixes = replace(plan(), sizes=replace(SIZES, prefixes=3 * GIB))
    text = "\n".join(lines("llama", LLAMA, with_prefixes, width=None))
    assert "Prefix cache   3.0 GiB\nMemory         9.4 GiB of 32 GiB\n" in text
    assert as_json("llama", LLAMA, with_prefixes)["bytes"]["prefix_cache"] == 3 * GIB
    assert "Prefix cache" not in "\n".join(lines("llama", LLAMA, plan(), width=None))
