"""An attempt to send a webhook as a span of its job's trace, of which the receiver is told. Pure but for a new id."""

from __future__ import annotations

from urllib.parse import urlsplit

from tasks.traces.context import Context
from tasks.traces.span import JobTrace, Span, Value
from tasks.webhooks.outbox import Held
from tasks.webhooks.send import Answer

REFUSED = 400


def context_of(held: Held) -> Context | None:
    """The span of a new attempt; None for a job without a trace."""
    trace = JobTrace.decode(held.fields.get("trace", ""))
    return trace.root.child() if trace else None


def attempt(held: Held, context: Context, answer: Answer, *, began: float, ended: float) -> Span:
    """What an attempt was; times in seconds since the epoch."""
    trace, origin = JobTrace.decode(held.fields["trace"]), urlsplit(held.fields["origin"])
    attributes: dict[str, Value] = {
        "http.request.method": "POST",
        "server.address": origin.hostname or "",
        "caravan.job.id": held.job_id,
    }
    if held.attempts:
        attributes["http.request.resend_count"] = held.attempts
    if answer.status is not None:
        attributes["http.response.status_code"] = answer.status
    failed = str(answer.status) if answer.status is not None and answer.status >= REFUSED else ""
    return Span(
        name="POST",
        context=context,
        parent=trace.root.span_id if trace else "",
        start=began,
        end=ended,
        kind="client",
        attributes=attributes,
        error=answer.error or failed,
    )
