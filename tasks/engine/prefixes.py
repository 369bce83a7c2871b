"""What two prompts begin with in common."""

from __future__ import annotations

LEAST_SHARED_TOKENS = 16
"""A shorter prefix is computed again: a copy costs a call, and a slot that might hold more."""


def common_prefix(one: list[int], other: list[int]) -> int:
    """How many tokens two lists begin with in common; slices are compared in C, halving what is in doubt."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low
