"""Models of a cluster, as `GET /models` has them, on a screen. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.cli.table import LABEL_GAP, Column, fitted, labelled, table, wrapped
from app.cli.words import counted
from tasks.byte_sizes import size
from tasks.errors import ModelNotFound
from tasks.texts import nearest, shown

Model = Mapping[str, Any]

MODELS = (
    Column("NAME", 9, cut=True),
    Column("STATE", 8),
    Column("KIND", 5),
    Column("CONTEXT", 6, right=True),
    Column("SLOTS", 4, right=True),
    Column("WORKERS", 3, right=True),
    Column("WAITING", 2, right=True),
)
WORKERS = (
    Column("WORKER", 9, cut=True),
    Column("STATE", 8),
    Column("SLOTS", 5, right=True),
    Column("PROCESSOR", 3, cut=True),
)
DOES = {"start": "started", "stop": "stopped", "evict": "stopped"}
SHOWN_DECISIONS = 5
LABEL_WIDTH = len("tokens/s") + LABEL_GAP


def find(name: str, models: Sequence[Model]) -> Model:
    """The model of this name; raises ModelNotFound, which names the nearest one."""
    known = {model["id"]: model for model in models}
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = f"Did you mean '{near}'? " if near else ""
    there = ", ".join(known) or "none for this key"
    raise ModelNotFound(f"There is no model '{shown(name)}'. {hint}This server has: {there}.", param="model")


def slots(model: Model) -> str:
    """How many of a model's slots are busy; a model without workers has none."""
    return f"{model['busy']} of {model['slots']}" if model["slots"] else "-"


def without_worker(model: Model) -> str:
    """What is said of a model that no worker serves or is about to serve."""
    if model["state"] not in ("asleep", "absent") or not model.get("by_demand"):  # an earlier release does not tell
        return "No worker serves it."
    comes = "its file is downloaded and a worker starts" if model["state"] == "absent" else "a worker starts"
    return f"It is asleep: {comes} when a job comes for it, or by `caravan models load {model['id']}`."


def starting(start: Model) -> str:
    """How far a worker has come that does not serve yet."""
    if start["state"] == "failed":
        return "failed"
    told = f"{start['phase']} {start['progress']:.0%}" if "progress" in start else str(start["phase"])
    return f"{told} of {size(start['total_bytes'])}" if start.get("total_bytes") else told


def overview(models: Sequence[Model], *, width: int | None) -> list[str]:
    """A line for each model, and below them why one has failed."""
    rows = [
        (
            model["id"],
            model["state"],
            model["kind"],
            model["context"],
            slots(model),
            len(model["workers"]),
            model["queued"],
        )
        for model in models
    ]
    lines = table(MODELS, rows, width=width) or wrapped("This API key may use no model.", width)
    for model in models:
        if "reason" in model:
            lines += ["", *wrapped(f"{fitted(model['id'], width, beside=1)}: {model['reason']}", width)]
    return lines


def details(model: Model, *, width: int | None) -> list[str]:
    """All that is known of one model."""
    told = {
        "name": fitted(model["id"], width, beside=LABEL_WIDTH),
        "state": model["state"],
        "reason": model.get("reason"),
        "kind": model["kind"],
        "adapters": ", ".join(each["name"] for each in model.get("adapters", [])) or None,
        "context": counted(model["context"], "token"),
        "slots": f"{slots(model)} busy" if model["slots"] else None,
        "waiting": model["queued"],
        "running": model["running"],
        "tokens/s": f"{model['tokens_per_second']:.1f}",
    }
    lines = labelled(told, width)
    workers = table(WORKERS, list(_workers(model)), width=width)
    lines += ["", *(workers or wrapped(without_worker(model), width))]
    for start in model["starting"]:
        if start.get("reason", model.get("reason")) != model.get("reason"):
            lines += ["", *wrapped(f"{fitted(start['name'], width, beside=1)}: {start['reason']}", width)]
    decisions = model.get("decisions", [])[:SHOWN_DECISIONS]  # an earlier release makes none
    if decisions:
        lines += ["", "Last decisions", *(part for each in decisions for part in _decision(each, width))]
    return lines


def _decision(decision: Mapping[str, Any], width: int | None) -> list[str]:
    at = time.strftime("%m-%d %H:%M:%S", time.localtime(decision["at"]))
    return wrapped(f"{at} {DOES[decision['action']]} {decision['worker']}: {decision['reason']}", width, indent="  ")


def _workers(model: Model) -> Iterator[tuple[object, ...]]:
    for worker in model["workers"]:
        yield worker["name"], "ready", worker["slots"], worker["processor"] or "-"
    for start in model["starting"]:
        yield start["name"], starting(start), "-", "-"
