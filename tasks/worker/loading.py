"""Loading a catalogue entry into a backend."""

from __future__ import annotations

from tasks.engine.backend import Backend, BackendFailure
from tasks.models.catalogue import FAKE_PATH, ModelEntry, gguf_path
from tasks.models.digest import file_digest
from tasks.settings import Settings


def model_digest(entry: ModelEntry) -> str:
    """Which model the entry's file holds; raises `BackendFailure`."""
    if entry.path == FAKE_PATH:
        return FAKE_PATH
    try:
        return file_digest(gguf_path(entry))
    except OSError as exc:
        raise BackendFailure(f"the model cannot be read: {exc}") from exc


def load_backend(entry: ModelEntry, settings: Settings) -> Backend:
    """Load and warm up a model; raises `BackendFailure`. llama.cpp is imported here, and only if it is needed."""
    if entry.path == FAKE_PATH:
        from tasks.engine.fake import FakeBackend

        return FakeBackend(
            num_slots=entry.slots, context=entry.context, cache_tokens=entry.cache_tokens, step_seconds=0.02
        )
    from tasks.engine.llama import LlamaBackend

    return LlamaBackend(
        gguf_path(entry),
        num_slots=entry.slots,
        context=entry.context,
        cache_tokens=entry.cache_tokens,
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
    )
