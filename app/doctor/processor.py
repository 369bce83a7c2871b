"""The processor, and those of its instruction sets that llama.cpp computes with."""

from __future__ import annotations

from collections.abc import Iterator

from app.doctor.finding import Finding, ok, warning
from tasks.llama_build.processor import Processor, say

CHECK = "processor"
FAST = frozenset({"avx2", "fma", "f16c"})
"""What llama.cpp's code for x86-64 needs to be more than several times as fast as plain C."""


def judge(processor: Processor) -> Iterator[Finding]:
    """Whether it is fast enough to be of use."""
    lacking = FAST - processor.sets
    if processor.architecture == "x86_64" and processor.sets and lacking:
        yield warning(
            CHECK,
            f"{processor.described}: without {', '.join(say(lacking))} models run several times slower",
            "In a virtual machine, choose the host's own processor type to get them.",
        )
    else:
        yield ok(CHECK, processor.described)
