"""Loading a catalogue entry into a backend."""

from __future__ import annotations

from tasks.engine.backend import Backend
from tasks.models.catalogue import FAKE_PATH, ModelEntry, gguf_path
from tasks.settings import Settings


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
