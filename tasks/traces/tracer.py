"""What exports spans, as its users see it; None in its place while traces are off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from tasks.traces.context import Context
from tasks.traces.span import Span
from tasks.traces.switch import require_traces, traces_are_on


class Tracer(Protocol):
    """Decides what is recorded, and sends it."""

    def samples(self, parent: Context | None, trace_id: str, name: str) -> bool:
        """Whether a trace that goes on here, or begins here without a parent, is recorded."""

    def emit(self, spans: Iterable[Span]) -> None:
        """Any thread: have spans exported. It does not wait; what is too much is lost."""

    def close(self) -> None:
        """Send what is left, within two seconds."""


def open_tracer(name: str) -> Tracer | None:
    """What exports this process' spans; None while traces are off. To be called after its fork.

    Args:
        name: the process's: `service.instance.id` of its spans.

    Raises:
        SettingsError: they are on, and cannot be sent.
    """
    if not traces_are_on():
        return None
    require_traces()
    from tasks.traces.otlp import OtlpTracer  # the SDK takes a tenth of a second, and may not be there

    return OtlpTracer(name)
