"""llama.cpp's own logits, without anything of ours between."""

from __future__ import annotations

import llama_cpp
import numpy as np

from tasks.models.catalogue import DEMO, gguf_path


def own_logprobs(tokens: list[int]) -> list[float]:
    """How likely the demo model finds each token but the first after those before it, in double precision.

    With flash attention, as llama-server and this server have it: without it llama.cpp's own logits are others.
    """
    model = llama_cpp.Llama(str(gguf_path(DEMO)), n_ctx=1024, logits_all=True, flash_attn=True, verbose=False)
    model.eval(tokens)
    logits = np.array(model.scores[: len(tokens)], np.float64)
    model.close()
    logits -= logits.max(axis=1, keepdims=True)
    told = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return [float(told[at, token]) for at, token in enumerate(tokens[1:])]
