"""What the command prints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from app.cli.table import Column, labelled, table, wrapped
from tasks.byte_sizes import size
from tasks.models.catalogue import ModelEntry
from tasks.models.plan.fit import Plan, placed
from tasks.models.plan.quantisations import weights

PLANNED = frozenset({"slots", "context", "kv_tokens", "threads", "gpu_layers"})
"""Keys of an entry that are the plan's to say."""


def lines(name: str, given: ModelEntry, plan: Plan, *, width: int | None) -> list[str]:
    """A plan for people: what is taken, whether it fits, the entry if it does, and the quantisations."""
    return [
        *labelled(_told(plan), width),
        "",
        *wrapped(_verdict(plan), width),
        "",
        *([*entry(name, given, plan), ""] if plan.fits else []),
        *_quantisations(plan, width=width),
    ]


def as_json(name: str, given: ModelEntry, plan: Plan) -> dict[str, Any]:
    """The same for programs; sizes in bytes."""
    sizes = plan.sizes
    return {
        "fits": plan.fits,
        "entry": {name: _settings(given, plan)},
        "bytes": {
            "weights": sizes.weights,
            "cache": sizes.cache,
            "buffers": sizes.buffers,
            "process": sizes.process,
            "prefix_cache": sizes.prefixes,
            "on_cards": plan.on_cards,
            "in_memory": plan.in_memory,
        },
        "machine": {
            "memory": plan.machine.memory,
            "cards": list(plan.machine.cards),
            "cores": plan.machine.cores,
        },
        "quantisations": [
            {"name": quantisation, "weights": taken, "fits": _fits(taken, plan)}
            for quantisation, taken in weights(sizes.parameters).items()
        ],
    }


def entry(name: str, given: ModelEntry, plan: Plan) -> list[str]:
    """The settings as they stand in models.yaml."""
    body = {"models": {name: _settings(given, plan)}}
    return str(yaml.safe_dump(body, sort_keys=False, width=1000, allow_unicode=True)).splitlines()


def _settings(given: ModelEntry, plan: Plan) -> dict[str, object]:
    """The plan's, among those of the entry that it leaves as they are."""
    kept = {key: value for key, value in given.written().items() if key not in PLANNED}
    threads = {"threads": given.threads} if given.threads else {}
    return {**kept, **plan.settings(), **threads}


def _told(plan: Plan) -> dict[str, object]:
    sizes, shape, machine = plan.sizes, plan.shape, plan.machine
    told: dict[str, object] = {
        "Weights": size(sizes.weights),
        "Cache": f"{size(sizes.cache)}, {shape.cache_tokens:,} tokens",
        "Buffers": size(sizes.buffers),
        "Process": size(sizes.process),
        **({"Prefix cache": size(sizes.prefixes)} if sizes.prefixes else {}),
        "Memory": f"{size(plan.in_memory)} of {size(machine.memory)}",
    }
    if machine.cards:
        layers = "all layers" if plan.gpu_layers < 0 else f"{plan.gpu_layers} of {sizes.layers} layers"
        told["GPU"] = f"{size(plan.on_cards)} of {size(sum(machine.cards))}, {layers}"
    return told


def _verdict(plan: Plan) -> str:
    shape = plan.shape
    served = f"{shape.slots} at once, {shape.context:,} tokens each"
    if not plan.fits:
        if plan.sizes.process >= plan.machine.memory:
            return f"It does not fit: without any model a worker takes {size(plan.sizes.process)} of memory."
        return f"It does not fit: {served}. Ask for fewer users or less context, or take a smaller file."
    if shape.cache_tokens < shape.slots * shape.context:
        return f"It fits: {served}, {shape.cache_tokens:,} together. Who finds the cache full waits."
    return f"It fits: {served}."


def _quantisations(plan: Plan, *, width: int | None) -> list[str]:
    columns = (
        Column("QUANTISATION", importance=3),
        Column("WEIGHTS", importance=2, right=True),
        Column("FITS", importance=1),
    )
    rows = [
        (name, size(taken), "yes" if _fits(taken, plan) else "no")
        for name, taken in weights(plan.sizes.parameters).items()
    ]
    return table(columns, rows, width=width)


def _fits(taken: int, plan: Plan) -> bool:
    """Whether the same settings fit with other weights."""
    return placed(plan.shape, replace(plan.sizes, weights=taken), plan.machine, plan.asked_layers).fits
