"""How many bits a weight takes, by the common names of GGUF files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

BITS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "F16": 16.0005,
        "Q8_0": 8.5008,
        "Q6_K": 6.5633,
        "Q5_K_M": 5.7036,
        "Q4_K_M": 4.8944,
        "IQ4_XS": 4.4597,
        "Q3_K_M": 3.9960,
        "Q2_K": 3.1593,
    }
)
"""Of Llama 3.1 8B, as llama.cpp measures them (tools/quantize/README.md of llama-cpp-python 0.3.36), the best first.

A small model's are higher: its embeddings, which keep more bits, are a larger part of it.
"""


def weights(parameters: int) -> dict[str, int]:
    """Bytes of a model of so many parameters, by the name of the quantisation."""
    return {name: int(parameters * bits / 8) for name, bits in BITS.items()}
