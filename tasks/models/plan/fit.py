"""Settings with which a model fits a machine.

What was asked for, users and context, is kept as it is. The cache gives way, in the tokens that all sequences may hold
together; then layers move from the cards to the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.byte_sizes import size
from tasks.machine.memory import Room
from tasks.models.plan.sizes import Sizes

CARD_SHARE = 0.92
"""Of a card's memory; the driver and its kernels take the rest."""
MEMORY_SHARE = 0.9
"""Of the machine's memory; the web front, Redis and the system have the rest."""
CACHE_STEP = 256
"""llama.cpp rounds a cache up to a multiple of so many tokens."""
ALL_LAYERS = -1
"""As `gpu_layers` of an entry has it."""
SHARES = (1.0, 0.5, 0.25)
"""Of all sequences' tokens, for which the cache has room: the first that fits is taken.

Sequences are rarely at their longest together; those that are wait for each other.
"""
WHOLE = (1.0,)
"""Of a model that keeps no cache, whose size is no matter of choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is for one worker: bytes of memory and of each card, and cores to compute with."""

    memory: int
    cards: tuple[int, ...] = ()
    cores: int = 1

    @property
    def card_room(self) -> int:
        """What models may take of all cards together."""
        return int(sum(self.cards) * CARD_SHARE)

    @property
    def memory_room(self) -> int:
        """What one worker may take of the memory."""
        return int(self.memory * MEMORY_SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a context's size depends on."""

    slots: int
    context: int
    cache_tokens: int


Measure = Callable[[Sequence[Shape]], Sequence[Sizes]]
"""Tells what a model takes in each shape; raises `CannotLoad`, `CannotTell`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One worker of a model, and where its parts lie."""

    shape: Shape
    sizes: Sizes
    machine: Machine
    layers_on_cards: int
    """Of the model's layers; all are those and what comes before and behind them."""
    asked_layers: int | None = None
    """Those that were asked for; None was left to the plan."""

    @property
    def on_cards(self) -> int:
        """Bytes that lie on cards."""
        if not self.layers_on_cards:
            return 0
        if self.layers_on_cards >= self.sizes.layers:
            return self.sizes.total
        part = (self.sizes.weights + self.sizes.cache) * self.layers_on_cards // self.sizes.layers
        return part + self.sizes.buffers

    @property
    def in_memory(self) -> int:
        """Bytes that lie in the machine's memory."""
        return self.sizes.total - self.on_cards + self.sizes.beside

    @property
    def fits(self) -> bool:
        return self.on_cards <= self.machine.card_room and self.in_memory <= self.machine.memory_room

    @property
    def gpu_layers(self) -> int:
        """As an entry has it."""
        return ALL_LAYERS if self.layers_on_cards >= self.sizes.layers else self.layers_on_cards

    def settings(self) -> dict[str, object]:
        """Those of a catalogue entry that are not its defaults."""
        shape, told = self.shape, dict[str, object]()
        told["slots"], told["context"] = shape.slots, shape.context
        if shape.cache_tokens < shape.slots * shape.context:
            told["kv_tokens"] = shape.cache_tokens
        if self.machine.cards:
            told["gpu_layers"] = self.gpu_layers
        if not self.machine.cards or self.gpu_layers != ALL_LAYERS:
            told["threads"] = self.machine.cores
        return told


def plan(
    measure: Measure,
    machine: Machine,
    *,
    slots: int,
    context: int,
    gpu_layers: int | None = None,
    shares: Sequence[float] = SHARES,
) -> Plan:
    """The best that fits: whole on the cards, if there are any, else with most layers there; where nothing fits, the
    smallest, which says so itself.

    Args:
        slots: sequences that are decoded together.
        context: tokens that each may hold.
        gpu_layers: layers that are to lie on the cards, -1 for all; as many as there is room for if None.
        shares: of all sequences' tokens, for which the cache may have room.
    """
    shapes = [_shape(slots, context, share) for share in shares]
    found = [placed(shape, sizes, machine, gpu_layers) for shape, sizes in zip(shapes, measure(shapes), strict=True)]
    fitting = [each for each in found if each.fits]
    whole = [each for each in fitting if not machine.cards or each.gpu_layers in (ALL_LAYERS, gpu_layers)]
    if whole:
        return whole[0]
    return max(fitting, key=lambda each: each.layers_on_cards, default=min(found, key=lambda each: each.sizes.total))


def placed(shape: Shape, sizes: Sizes, machine: Machine, gpu_layers: int | None = None) -> Plan:
    """With so many layers on the cards, or with as many as there is room for."""
    layers = sizes.layers
    if gpu_layers is not None:
        layers = layers if gpu_layers == ALL_LAYERS else min(layers, gpu_layers)
    elif sizes.total > machine.card_room:
        each = (sizes.weights + sizes.cache) // max(1, sizes.layers)
        layers = max(0, min(layers - 1, (machine.card_room - sizes.buffers) // max(1, each)))
    on_cards = layers if machine.cards else 0
    return Plan(shape=shape, sizes=sizes, machine=machine, layers_on_cards=on_cards, asked_layers=gpu_layers)


def trouble(sizes: Sizes, room: Room | None) -> str:
    """Why a worker cannot be loaded that has all in the machine's memory, with the sum; '' if it can."""
    if room is None or sizes.on_card or sizes.total + sizes.beside <= room.total:
        return ""
    return (
        f"it takes {size(sizes.total + sizes.beside)} ({parts(sizes)}), and "
        f"{'the control group gives' if room.limited else 'the machine has'} {size(room.total)}: lower "
        f"{'prefix_cache, ' if sizes.prefixes else ''}kv_tokens, slots or context, or take a file of fewer bits a "
        "weight"
    )


def parts(sizes: Sizes) -> str:
    """What a worker's memory consists of, in words."""
    told = {"weights": sizes.weights, "cache": sizes.cache, "buffers": sizes.buffers, "process": sizes.process}
    if sizes.prefixes:
        told["prefix cache"] = sizes.prefixes
    return ", ".join(f"{name} {size(count)}" for name, count in told.items())


def _shape(slots: int, context: int, share: float) -> Shape:
    full = slots * context
    held = full if share == 1 else max(context, -(-int(full * share) // CACHE_STEP) * CACHE_STEP)
    return Shape(slots=slots, context=context, cache_tokens=held)
