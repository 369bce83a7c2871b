"""A place in a trace, and the W3C headers that carry it (Trace Context, level 2). Pure but for its random ids."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from typing import Self

_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}")
LONGEST_STATE = 512
"""Characters of a `tracestate` that are passed on: as many as everybody must be able to take."""
SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Context:
    """A span by its ids, in hexadecimal digits: 32 of its trace, 16 of its own.

    `state` is what tracing systems of the callers have to tell each other; it is passed on as it came.
    """

    trace_id: str
    span_id: str
    sampled: bool = True
    state: str = ""

    @property
    def traceparent(self) -> str:
        """The header's value, also that of `traceresponse`."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries that is a part of this span."""
        state = {"tracestate": self.state} if self.state else {}
        return {"traceparent": self.traceparent, **state}

    @classmethod
    def parse(cls, traceparent: str, tracestate: str = "") -> Self | None:
        """The context that headers carry; None if they carry none that can be read, which the caller ignores then."""
        match = _TRACEPARENT.fullmatch(traceparent.strip())
        if match is None or (match[1] == "00" and match[5]):
            return None
        state = tracestate.strip()
        is_sane = len(state) <= LONGEST_STATE and _is_list(state)
        return cls(match[2], match[3], bool(int(match[4], 16) & SAMPLED), state if is_sane else "")

    def child(self) -> Self:
        """A new span of the same trace."""
        return replace(self, span_id=new_span_id())

    def derived(self, *parts: str) -> Self:
        """The span of the same trace that is known by such words: the same in every process."""
        digest = hashlib.sha256(" ".join((self.trace_id, self.span_id, *parts)).encode()).hexdigest()
        return replace(self, span_id=digest[:16])


def _is_list(state: str) -> bool:
    """Whether it is a `tracestate`: members between commas, some of them empty. Each is looked at once."""
    first, *others = (member.strip(" \t") for member in state.split(","))
    return all(_MEMBER.fullmatch(member) for member in (first, *filter(None, others)))


def new_trace_id() -> str:
    return secrets.token_hex(16)


def new_span_id() -> str:
    return secrets.token_hex(8)
