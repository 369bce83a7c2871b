"""How ggml writes weights: the types' names, and what their blocks take. Pure.

The numbers are those of ggml.h and llama.h, in llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# fmt: off
_TYPES: Final = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}
"""Name, weights of a block, bytes of a block."""
_FILES: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
}
"""Names of whole files, by the number under `general.file_type`."""
# fmt: on


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where the weights of a tensor lie, and how they are written."""

    name: str
    shape: tuple[int, ...]
    kind: int
    """ggml's number of the type."""
    offset: int
    """Bytes after the beginning of all weights."""


def num_weights(tensors: Sequence[Tensor]) -> int:
    """How many parameters they are."""
    return sum(math.prod(tensor.shape) for tensor in tensors)


def quantisation(file_type: object, tensors: Sequence[Tensor]) -> str:
    """The common name of a file's quantisation; by most of its weights if the file does not say. '' if unknown."""
    if isinstance(file_type, int) and file_type in _FILES:
        return _FILES[file_type]
    weights: Counter[int] = Counter()
    for tensor in tensors:
        weights[tensor.kind] += math.prod(tensor.shape)
    return _TYPES[weights.most_common(1)[0][0]][0] if weights and weights.most_common(1)[0][0] in _TYPES else ""


def missing_bytes(tensors: Sequence[Tensor], present: int) -> int:
    """How many bytes of weights are missing if so many are there; types that are not known count as nothing."""
    ends = [tensor.offset + num_bytes(tensor) for tensor in tensors if tensor.kind in _TYPES]
    return max(0, max(ends, default=0) - present)


def num_bytes(tensor: Tensor) -> int:
    """What its weights take, of a type that is known."""
    _, block, size = _TYPES[tensor.kind]
    return -(-math.prod(tensor.shape) // block) * size
