"""LoRA adapters of a loaded model, and which of them its context computes with."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llama_cpp

from tasks.engine.backend import BackendFailure, FileAtFault
from tasks.engine.llama import library
from tasks.records.adapters import Adapters

_REASON = "failed to apply lora adapter: "
"""What stands before llama.cpp's own words for why an adapter cannot be loaded."""


class LoadedAdapters:
    """Adapters by name. llama.cpp wants all of them before it makes a context, and frees them with the model.

    Args:
        model: a loaded model of llama.cpp's.
        paths: their files, which `tasks.models.adapter_faults` has looked at: some others would end the process.

    Raises:
        BackendFailure: a file cannot be loaded.
    """

    def __init__(self, model: Any, paths: Mapping[str, Path]) -> None:
        self._loaded = {name: _load(model, name, path) for name, path in paths.items()}
        self.names = frozenset(self._loaded)

    def use(self, ctx: Any, adapters: Adapters) -> None:
        """Have a context compute with these adapters, and no others."""
        count = len(adapters)
        loaded = (llama_cpp.llama_adapter_lora_p_ctypes * count)(*(self._loaded[name] for name, _ in adapters))
        scales = (ctypes.c_float * count)(*(scale for _, scale in adapters))
        if llama_cpp.llama_set_adapters_lora(ctx, loaded, count, scales):
            raise BackendFailure(f"llama.cpp does not take the adapters {', '.join(name for name, _ in adapters)}")


def _load(model: Any, name: str, path: Path) -> Any:
    if not path.is_file():
        raise BackendFailure(f"there is no file {path} of the adapter {name}")
    with library.errors_told() as told:
        loaded = llama_cpp.llama_adapter_lora_init(model, str(path).encode())
    if not loaded:
        reason = next((line.split(_REASON, 1)[1] for line in told if _REASON in line), "its lines in the log say why")
        raise FileAtFault(f"llama.cpp cannot load the adapter {name}, {path}: {reason.strip().rstrip('.')}")
    return loaded
