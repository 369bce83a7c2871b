"""Spans to a collector, by OTLP: the one module that uses OpenTelemetry's SDK, imported only where traces are on.

The SDK reads its own variables: where the collector is, what is sampled, how much is kept while the collector is away.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from opentelemetry.context import Context as SdkContext
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from tasks.traces.context import Context
from tasks.traces.span import Span

SERVICE = "caravan"
CLOSE_SECONDS = 2.0
KEPT_BY_DEFAULT = 2048
"""Spans, as the specification has it."""
NANO = 1_000_000_000


class OtlpTracer:
    """Exports spans, on a thread of its own."""

    def __init__(self, name: str) -> None:
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler  # as the environment has it
        self._ids = _PlannedIds()
        # What comes here is sampled: whether it is was decided once, when its job was accepted.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=_resource(name), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(_processor())
        self._tracer = self._provider.get_tracer(SERVICE)

    def samples(self, parent: Context | None, trace_id: str, name: str) -> bool:
        """See `Tracer`."""
        decided = self._sampler.should_sample(_context(parent), int(trace_id, 16), name)
        return decided.decision is Decision.RECORD_AND_SAMPLE

    def emit(self, spans: Iterable[Span]) -> None:
        """See `Tracer`."""
        for span in spans:
            if span.context.sampled:
                self._emit(span)

    def close(self) -> None:
        """See `Tracer`. The SDK's own shutdown waits for an export that hangs."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    def _emit(self, span: Span) -> None:
        above = Context(span.context.trace_id, span.parent, True, span.context.state) if span.parent else None
        error = {"error.type": span.error} if span.error else {}
        with self._ids.planned(span.context):
            made = self._tracer.start_span(
                span.name,
                context=_context(above),
                kind=SpanKind[span.kind.upper()],
                attributes={**span.attributes, **error},
                links=[Link(_span_context(span.link))] if span.link else [],
                start_time=round(span.start * NANO),
            )
        if span.error:
            made.set_status(Status(StatusCode.ERROR, span.error))
        made.end(round(max(span.start, span.end) * NANO))


class _PlannedIds(RandomIdGenerator):
    """Gives the next span of this thread the ids that were chosen for it before."""

    def __init__(self) -> None:
        self._planned = threading.local()

    @contextmanager
    def planned(self, context: Context) -> Iterator[None]:
        self._planned.context = context
        try:
            yield
        finally:
            self._planned.context = None

    def generate_span_id(self) -> int:
        context: Context | None = getattr(self._planned, "context", None)
        return int(context.span_id, 16) if context else super().generate_span_id()

    def generate_trace_id(self) -> int:
        context: Context | None = getattr(self._planned, "context", None)
        return int(context.trace_id, 16) if context else super().generate_trace_id()


def _processor() -> BatchSpanProcessor:
    """What keeps spans and sends them, as the environment has it; no batch is larger than what is kept."""
    exporter = OTLPSpanExporter()
    try:
        return BatchSpanProcessor(exporter)
    except ValueError:
        kept = int(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE") or KEPT_BY_DEFAULT)
        return BatchSpanProcessor(exporter, max_queue_size=kept, max_export_batch_size=kept)


def _resource(name: str) -> Resource:
    """What the environment says of this service, and the instance; attributes that are given here would go first."""
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return Resource.create({"service.instance.id": name, **({} if named else {"service.name": SERVICE})})


def _span_context(context: Context) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT)
    state = TraceState.from_header([context.state]) if context.state else None
    return SpanContext(int(context.trace_id, 16), int(context.span_id, 16), True, flags, state)


def _context(parent: Context | None) -> SdkContext:
    if parent is None:
        return SdkContext()
    return set_span_in_context(NonRecordingSpan(_span_context(parent)), SdkContext())
