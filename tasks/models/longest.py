"""How long a text may be for which a model was trained, and what is said of an entry that wants longer ones."""

from __future__ import annotations

from math import ceil

from tasks.models import gguf
from tasks.models.catalogue import FAKE_PATH, gguf_path
from tasks.models.entry import ModelEntry


def longest(entry: ModelEntry) -> int | None:
    """Tokens of the longest sequence that it was trained for, and is scaled to; None if the file does not say."""
    trained = _trained(entry)
    return trained and int(trained * (entry.rope_scale or 1))


def trouble(entry: ModelEntry) -> str:
    """Why an entry's context is too long for its model, with what to do; '' if it is not, or nobody has named one."""
    trained = _trained(entry)
    if not trained or "context" not in entry.model_fields_set or entry.context <= trained * (entry.rope_scale or 1):
        return ""
    scaled = f", which rope_scale {entry.rope_scale:g} makes {longest(entry)}" if entry.rope_scale else ""
    return (
        f"context is {entry.context}, and the model was trained for {trained} tokens{scaled}: lower context, or scale "
        "positions, if the model's page says so, by rope_scaling: yarn and "
        f"rope_scale: {_needed(entry.context, trained)}"
    )


def _needed(context: int, trained: int) -> str:
    """The scale with which a text of so many tokens is within the training, of two digits behind the point."""
    return f"{ceil(100 * context / trained) / 100:g}"


def _trained(entry: ModelEntry) -> int | None:
    if entry.path == FAKE_PATH:
        return None
    try:
        head = gguf.fields(gguf_path(entry))
    except (OSError, gguf.NotGguf):
        return None  # what loads it tells
    trained = head.get(f"{head.get('general.architecture')}.context_length")
    return trained if isinstance(trained, int) else None
