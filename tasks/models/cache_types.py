"""The number formats that keys and values may have in a model's cache."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

CacheType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
PLAIN: Final = "f16"

BYTES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "f32": 4.0,
        "f16": 2.0,
        "bf16": 2.0,
        "q8_0": 34 / 32,
        "q5_1": 24 / 32,
        "q5_0": 22 / 32,
        "q4_1": 20 / 32,
        "q4_0": 18 / 32,
        "iq4_nl": 18 / 32,
    }
)
"""Of one number. The quantised formats are ggml's, which keep 32 numbers together with their scales."""
QUANTISED: Final = frozenset(name for name, count in BYTES.items() if count < BYTES[PLAIN])
