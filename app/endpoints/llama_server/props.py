"""A model and its slots as llama-server shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from app.endpoints.llama_server import wire
from app.endpoints.openai.generation import generation_settings
from app.endpoints.openai.token_wire import TokenizerInfo
from tasks.ledger.overview import WorkerOverview
from tasks.models.catalogue import ModelEntry, gguf_path
from tasks.records.sampling import SamplingParams


def props(name: str, entry: ModelEntry, workers: Sequence[WorkerOverview], info: TokenizerInfo | None) -> wire.Props:
    """What clients ask first. Without a live worker, what only the model's file says is empty."""
    unsaid = entry.sampling
    params = SamplingParams(max_tokens=unsaid.max_tokens, seed=unsaid.seed or 0, **unsaid.given())
    return {
        "default_generation_settings": {
            "n_ctx": context(entry, workers),
            "params": generation_settings(params.encode()),
        },
        "total_slots": entry.slots,
        "model_alias": name,
        "model_path": gguf_path(entry).name,
        "modalities": {"vision": False, "audio": False},
        "chat_template": (info["chat_template"] if info else None) or "",
        "bos_token": (info["bos_token"] if info else None) or "",
        "eos_token": (info["eos_token"] if info else None) or "",
        "build_info": f"caravan-{version('llama-caravan')}",
        "is_sleeping": not workers,
    }


def slots(entry: ModelEntry, workers: Sequence[WorkerOverview]) -> list[wire.Slot]:
    """The slots of a model's live workers, the busy ones of each first: which they are, only the worker knows."""
    busy = [number < worker.busy for worker in workers for number in range(worker.slots)]
    each = context(entry, workers)
    return [
        {"id": number, "n_ctx": each, "speculative": False, "is_processing": is_busy}
        for number, is_busy in enumerate(busy)
    ]


def context(entry: ModelEntry, workers: Sequence[WorkerOverview]) -> int:
    """Tokens that a sequence may have."""
    return min((worker.context or entry.context for worker in workers), default=entry.context)
