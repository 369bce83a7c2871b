"""A program that tells what models would take of memory: ``python -m tasks.worker.dry_run``.

It reads catalogue entries from standard input, a JSON array, and writes an array of what `Sizes` has of each, or of
``{"error": "why it cannot be loaded"}``. Its log goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tasks.engine.backend import BackendFailure
from tasks.environment import read_settings
from tasks.models import gguf
from tasks.models.catalogue import ModelEntry, adapter_paths, gguf_path
from tasks.worker.loading import load_llama


def main() -> None:
    """Answer. What libraries print goes to standard error as well: there is one answer on standard output."""
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    entries = [ModelEntry.model_validate(each) for each in json.load(sys.stdin)]
    with answer:
        json.dump([_told(entry) for entry in entries], answer)


def _told(entry: ModelEntry) -> dict[str, Any]:
    from tasks.engine.llama import dry_run

    try:
        told = dry_run.sizes(lambda: load_llama(entry, read_settings(), allocates=False))
    except BackendFailure as exc:
        return {"error": gguf.trouble(gguf_path(entry)) or str(exc)}
    if told.pop("repacked"):
        told["weights"] += gguf.doubled_bytes(gguf_path(entry))
    told["weights"] += sum(gguf.weights_bytes(path) for path in adapter_paths(entry).values())
    told["prefixes"] = entry.prefix_cache.memory if entry.prefix_cache else 0
    return told


if __name__ == "__main__":
    main()
