"""A span that has ended, as a value; what a job's record keeps of its trace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from tasks.traces.context import Context

Value = str | bool | int | float | Sequence[str]
Kind = Literal["internal", "server", "client"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is exported. Times are seconds since the epoch.

    `parent` is the id of the span above, '' for none. `error` is the kind of the failure that it ended with, '' for
    none: a word of a fixed list, and no text of anybody's.
    """

    name: str
    context: Context
    parent: str = ""
    start: float
    end: float
    kind: Kind = "internal"
    attributes: Mapping[str, Value] = field(default_factory=dict)
    error: str = ""
    link: Context | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTrace:
    """The field `trace` of a job's record: its root span, which is exported when it ends, by whoever sees that.

    `parent` is the id of the span above the root; `link` a span of another trace, of the call that made the batch;
    `asked` are attributes of the request.
    """

    root: Context
    parent: str = ""
    link: Context | None = None
    asked: Mapping[str, Value] = field(default_factory=dict)

    def encode(self) -> str:
        told = {
            "root": self.root.traceparent,
            "state": self.root.state,
            "parent": self.parent,
            "link": self.link.traceparent if self.link else "",
            "asked": dict(self.asked),
        }
        return json.dumps({name: value for name, value in told.items() if value}, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> Self | None:
        """None for a job without a trace, and for what another release wrote otherwise."""
        try:
            told = json.loads(text) if text else {}
        except ValueError:
            return None
        root = Context.parse(told.get("root", ""), told.get("state", ""))
        if root is None:
            return None
        asked = told.get("asked", {})
        return cls(root=root, parent=told.get("parent", ""), link=Context.parse(told.get("link", "")), asked=asked)

    def attempt(self, fence: int | str) -> Context:
        """The span of the attempt that a claim began: the ledger tells of it, and its worker of what is below."""
        return self.root.derived("attempt", str(fence))


def trace_id_of(text: str) -> str:
    """The trace id of a record's field, for the log; '' if there is none."""
    trace = JobTrace.decode(text)
    return trace.root.trace_id if trace else ""
