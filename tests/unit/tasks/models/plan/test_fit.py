"""Which settings are chosen for a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tasks.machine.memory import Room
from tasks.models.plan.fit import ALL_LAYERS, WHOLE, Machine, Plan, Shape, plan, trouble
from tasks.models.plan.sizes import TOKEN_BYTES, WORKER_BYTES, Sizes

GIB = 1 << 30
CONTEXT = 8192


def sizes(shape: Shape) -> Sizes:
    """A model of 8 GiB in 32 layers, whose cache takes 128 KiB a token."""
    return Sizes(
        weights=8 * GIB,
        cache=shape.cache_tokens * (128 << 10),
        buffers=GIB // 2,
        layers=32,
        parameters=8_000_000_000,
        on_card=False,
    )


def measure(shapes: Sequence[Shape]) -> list[Sizes]:
    return list(map(sizes, shapes))


def fitted(machine: Machine, slots: int = 8) -> Plan:
    return plan(measure, machine, slots=slots, context=CONTEXT)


def test_where_all_fits_nothing_gives_way() -> None:
    found = fitted(Machine(memory=64 * GIB, cores=8))
    assert found.fits
    assert found.settings() == {"slots": 8, "context": CONTEXT, "threads": 8}
    assert (found.on_cards, found.in_memory) == (0, 16 * GIB + GIB // 2 + WORKER_BYTES)


@pytest.mark.parametrize(
    ("memory", "settings"),
    [
        (16, {"kv_tokens": 32768}),
        (13, {"kv_tokens": 16384}),
    ],
)
def test_the_cache_gives_way(memory: float, settings: dict[str, object]) -> None:
    found = fitted(Machine(memory=int(memory * GIB), cores=8))
    assert found.fits
    assert found.settings() == {"slots": 8, "context": CONTEXT, **settings, "threads": 8}


def test_a_model_that_cannot_fit_is_told_with_its_sum() -> None:
    found = fitted(Machine(memory=8 * GIB))
    assert not found.fits
    assert found.in_memory > 8 * GIB


@pytest.mark.parametrize(("memory", "fits"), [(9, False), (12, True)])
def test_what_cannot_fit_the_memory_is_refused_with_the_sum(memory: int, fits: bool) -> None:
    told = trouble(sizes(Shape(slots=1, context=CONTEXT, cache_tokens=CONTEXT)), Room(memory * GIB, 0, limited=True))
    parts = "it takes 9.6 GiB (weights 8.0 GiB, cache 1.0 GiB, buffers 512 MiB, process 136 MiB), and the control group"
    assert told == "" if fits else told.startswith(parts)


def test_what_lies_on_a_card_is_not_judged_by_the_memory() -> None:
    on_card = replace(sizes(Shape(slots=1, context=CONTEXT, cache_tokens=CONTEXT)), on_card=True)
    assert trouble(on_card, Room(GIB, 0, limited=False)) == ""


def test_a_card_has_all_or_as_many_layers_as_it_has_room_for() -> None:
    whole = fitted(Machine(memory=64 * GIB, cards=(24 * GIB,), cores=8))
    assert (whole.gpu_layers, whole.in_memory) == (ALL_LAYERS, WORKER_BYTES)
    assert whole.settings() == {"slots": 8, "context": CONTEXT, "gpu_layers": ALL_LAYERS}
    part = fitted(Machine(memory=64 * GIB, cards=(6 * GIB,), cores=8))
    assert part.fits
    assert 0 < part.gpu_layers < 32
    assert part.on_cards <= 6 * GIB
    assert part.on_cards + part.in_memory == part.sizes.total + WORKER_BYTES
    assert part.settings()["threads"] == 8
    assert part.settings()["gpu_layers"] == part.gpu_layers


@pytest.mark.parametrize(("asked", "layers"), [(ALL_LAYERS, 32), (0, 0), (7, 7), (99, 32)])
def test_layers_that_were_asked_for_lie_on_the_cards(asked: int, layers: int) -> None:
    """Whether they fit or not: here are 10 GiB, and the model takes 10.5 with the smallest cache."""
    machine = Machine(memory=64 * GIB, cards=(10 * GIB,), cores=8)
    found = plan(measure, machine, slots=8, context=CONTEXT, gpu_layers=asked)
    assert found.layers_on_cards == layers
    assert found.fits == (layers < 32)


def test_a_model_without_a_cache_has_one_size() -> None:
    found = plan(measure, Machine(memory=GIB), slots=8, context=CONTEXT, shares=WHOLE)
    assert "kv_tokens" not in found.settings()


def test_a_large_vocabulary_takes_memory_of_the_process() -> None:
    large = replace(sizes(Shape(slots=1, context=CONTEXT, cache_tokens=CONTEXT)), vocabulary=150_000)
    assert large.process == WORKER_BYTES + 150_000 * TOKEN_BYTES


def test_two_cards_count_together() -> None:
    assert fitted(Machine(memory=64 * GIB, cards=(12 * GIB, 12 * GIB))).gpu_layers == ALL_LAYERS


def test_a_card_that_is_too_small_has_nothing() -> None:
    found = fitted(Machine(memory=64 * GIB, cards=(256 << 20,)))
    assert (found.gpu_layers, found.on_cards) == (0, 0)


def test_the_cache_holds_a_whole_sequence_at_least() -> None:
    assert fitted(Machine(memory=9 * GIB), slots=1).shape.cache_tokens == CONTEXT


def test_memory_for_prefixes_has_to_be_there_as_well() -> None:
    kept = replace(sizes(Shape(slots=1, context=CONTEXT, cache_tokens=CONTEXT)), prefixes=4 * GIB)
    needed = kept.total + kept.process
    assert trouble(replace(kept, prefixes=0), Room(total=needed, free=needed, limited=False)) == ""
    said = trouble(kept, Room(total=needed, free=needed, limited=False))
    assert "prefix cache 4.0 GiB" in said
    assert "lower prefix_cache, kv_tokens" in said
