"""What the clients send of a program's own traces."""

from __future__ import annotations

from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from caravan_client import wire
from caravan_client.exchange import Request


def test_a_program_s_place_in_a_trace_goes_with_each_request() -> None:
    span = SpanContext(int("1" * 32, 16), int("2" * 16, 16), is_remote=False, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(span)):
        sent = wire.arguments(Request("POST", "/jobs", headers={"Idempotency-Key": "key"}))["headers"]
    assert sent == {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "Idempotency-Key": "key"}


def test_without_a_span_nothing_goes_with_it() -> None:
    assert wire.arguments(Request("GET", "/models"))["headers"] == {}
