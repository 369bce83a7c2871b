"""Memory, against what the workers of the catalogue take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.doctor.finding import Finding, fault, ok, warning
from tasks.byte_sizes import size
from tasks.machine.memory import Room
from tasks.models import gguf
from tasks.models.catalogue import FAKE_PATH, Catalogue, ModelEntry, adapter_paths, gguf_path

CHECK = "memory"
WORKER_BYTES = 256 << 20
"""A worker without weights and cache: Python, its libraries, and llama.cpp's buffers for a batch."""
TIGHT = 0.8
"""Who needs more than this share is in need of the rest for the web front, Redis and the system."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one model takes, in bytes, about."""

    model: str
    worker: int
    """One worker of it."""
    workers: int

    @property
    def total(self) -> int:
        return self.worker * self.workers


def needs(catalogue: Catalogue) -> list[Need]:
    """What the models take whose files are here and can be read; workers that come and go are not counted."""
    return [
        Need(name, WORKER_BYTES + taken, entry.workers.min if catalogue.scales else workers_of(entry))
        for name, entry in catalogue.items()
        if (taken := _bytes(entry)) is not None
    ]


def workers_of(entry: ModelEntry) -> int:
    """So many does `caravan up` start."""
    return max(1, entry.workers.min)


def judge(room: Room | None, wanted: Sequence[Need], *, on_card: bool) -> Iterator[Finding]:
    """Whether all workers that `caravan up` starts fit.

    Args:
        on_card: the models' layers go to a GPU, so that this memory does not tell.
    """
    if room is None:
        yield ok(CHECK, "its size is unknown")
        return
    there = f"{size(room.total)}{' by the control group' if room.limited else ''}, {size(room.free)} free"
    total = max(sum(need.total for need in wanted), max((need.worker for need in wanted), default=0))
    if not wanted or on_card:
        yield ok(CHECK, there)
        return
    found = f"{there}; the models' workers take about {size(total)} ({_each(wanted)})"
    advice = (
        "Lower `kv_tokens`, `slots` or `context`, start fewer workers, take models of fewer bits a weight, or give the "
        "machine more memory."
    )
    if total > room.total:
        yield fault(CHECK, f"{found}: more than the machine has", advice)
    elif total > TIGHT * room.total:
        yield warning(CHECK, f"{found}: little is left for other programs", advice)
    else:
        yield ok(CHECK, found)


def _each(wanted: Iterable[Need]) -> str:
    return ", ".join(
        f"{need.model} {f'{need.workers} x ' if need.workers > 1 else ''}{size(need.worker)}" for need in wanted
    )


def _bytes(entry: ModelEntry) -> int | None:
    """Weights and cache of one worker, its adapters included."""
    if entry.path == FAKE_PATH:
        return 0
    try:
        path = gguf_path(entry)
        weights = sum(part.stat().st_size for part in gguf.parts(path))
        weights += sum(map(gguf.weights_bytes, adapter_paths(entry).values()))
        token = gguf.cache_bytes_per_token(gguf.fields(path), keys=entry.cache_type_k, values=entry.cache_type_v)
    except (OSError, gguf.NotGguf):
        return None
    return weights + (entry.cache_tokens * token if entry.generates else 0)
