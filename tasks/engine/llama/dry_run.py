"""Loading a model without its weights, to learn what it would take of memory: milliseconds, and a few megabytes.

llama.cpp has a mode for it (`no_alloc`), in which it reads a file's head and lays out cache and graph as it would. So
the sizes are its own, for every architecture: layers with windows, states instead of caches, latent attention. It tells
them in its log alone. The lines are, in the pinned llama-cpp-python (0.3.36): ``llama_kv_cache: size = 40.00 MiB`` for
each cache, so for one of windows and one without; ``llama_memory_recurrent: size = ...`` for states; for each device
``sched_reserve: CPU compute buffer size = 19.89 MiB`` and ``llama_context: CPU output buffer size = 0.06 MiB``. The
last one grows when more logits are asked for, up to `n_outputs_max` rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from tasks.engine.llama import library
from tasks.engine.llama.model import Model

_CACHE = re.compile(r"^llama_(?:kv_cache|memory)\w*: size = +(\d+\.\d+) MiB")
_COMPUTE = re.compile(r"compute buffer size = +(\d+\.\d+) MiB")
_OUTPUT = re.compile(r"output buffer size = +(\d+\.\d+) MiB")
_REPACKED = "CPU_REPACK model buffer size"
"""Of a model with matrices that are rearranged for the processor's kernels."""


def sizes(load: Callable[[], Model]) -> dict[str, Any]:
    """What the model takes that this loads, `allocates=False`, with its context.

    It is what `tasks.models.plan.Sizes` has, and whether weights are ``repacked``.

    Raises:
        BackendFailure: it would not load; `load` raises it.
    """
    with library.lines_told() as lines:
        model = load()
        try:
            outputs = max(_sum(map(_OUTPUT.search, lines)), model.most_output_bytes)
            return {
                "weights": model.measures["size"],
                "cache": _sum(_CACHE.match(line) for line in lines),
                "buffers": _sum(map(_COMPUTE.search, lines)) + outputs,
                "vocabulary": model.vocab_size,
                "repacked": any(_REPACKED in line for line in lines),
                "layers": model.num_layers,
                "parameters": model.measures["n_params"],
                "on_card": model.on_gpu,
            }
        finally:
            model.close()


def _sum(matches: Iterable[re.Match[str] | None]) -> int:
    """Bytes."""
    return int(sum(float(match[1]) for match in matches if match) * (1 << 20))
