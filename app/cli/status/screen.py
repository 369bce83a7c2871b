"""A cluster on one screen (pure)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from app.cli.model_view import slots, starting
from app.cli.status.snapshot import Snapshot, Wire
from app.cli.status.troubles import Trouble, advice_on_failure
from app.cli.table import Column, fitted, table, wrapped
from tasks.texts import printable

MODELS = (
    Column("MODEL", 9, cut=True),
    Column("STATE", 8),
    Column("WORKERS", 3, right=True),
    Column("SLOTS", 5, right=True),
    Column("WAITING", 7, right=True),
    Column("RUNNING", 4, right=True),
    Column("QUEUE", 6),
    Column("TOKENS/S", 2, right=True),
)
WORKERS = (
    Column("WORKER", 9, cut=True),
    Column("STATE", 8),
    Column("MODEL", 7, cut=True),
    Column("SLOTS", 5, right=True),
    Column("PROCESSOR", 3, cut=True),
)
FAILURES = (
    Column("FAILED JOB", 9),
    Column("CODE", 7, cut=True),
    Column("MODEL", 5, cut=True),
    Column("FAILED AT", 3),
)


def screen(snapshot: Snapshot, found: Sequence[Trouble], *, width: int | None) -> list[str]:
    """The lines. None is wider than `width` columns, except for words that are."""
    redis = "not usable" if snapshot.redis_fault else "ok"
    head = [f"Cluster  {printable(snapshot.url)}", f"Redis    {redis}"]
    blocks = [
        [part for line in head for part in wrapped(line, width)],
        _models(snapshot, width),
        table(WORKERS, list(_workers(snapshot.models)), width=width),
        _failures(snapshot.failures, width),
        _to_do(found, width),
    ]
    return [line for block in blocks if block for line in ("", *block)][1:]


def _models(snapshot: Snapshot, width: int | None) -> list[str]:
    if not snapshot.told:
        return wrapped("Models, queues and jobs are not known while Redis cannot be used.", width)
    rows = [
        (
            model["id"],
            model["state"],
            len(model["workers"]),
            slots(model),
            model["queued"],
            model["running"],
            snapshot.queue(model["id"]).get("state", "-"),
            f"{model['tokens_per_second']:.1f}",
        )
        for model in snapshot.models
    ]
    return table(MODELS, rows, width=width) or wrapped("This API key may use no model.", width)


def _workers(models: Iterable[Wire]) -> Iterator[tuple[object, ...]]:
    for model in models:
        for worker in model["workers"]:
            yield worker["name"], "ready", model["id"], worker["slots"], worker["processor"] or "-"
        for start in model["starting"]:
            yield start["name"], starting(start), model["id"], "-", "-"


def _failures(failures: Sequence[Wire], width: int | None) -> list[str]:
    codes = [(job["error"] or {}).get("code", "-") for job in failures]
    rows = [
        (job["id"], code, job["model"], time.strftime("%m-%d %H:%M", time.localtime(job["finished_at"])))
        for job, code in zip(failures, codes, strict=True)
    ]
    advice = [
        line
        for code in dict.fromkeys(codes)
        for line in wrapped(f"{code}: {advice_on_failure(code)}", width, indent="  ")
    ]
    return [*table(FAILURES, rows, width=width), *advice]


def _to_do(found: Sequence[Trouble], width: int | None) -> list[str]:
    if not found:
        return wrapped("Nothing needs doing.", width)
    lines = ["To do"]
    for trouble in found:
        lines += wrapped(f"{fitted(trouble.about, width, beside=3)}: {trouble.found}", width, indent="  ")
        if trouble.advice:
            lines += wrapped(f"-> {trouble.advice}", width, indent="     ", first="  ")
    return lines
