"""The spans of requests that accept jobs, and what their jobs are told of them.

Callers' contexts come as W3C's `traceparent` and `tracestate`. The answer has `traceresponse`, the header of Trace
Context level 2 for this: clients take a `traceparent` for a caller's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from flask import Flask, Response, g, has_request_context, request

from tasks.records.job import Job
from tasks.traces import begin
from tasks.traces.context import Context, new_span_id, new_trace_id
from tasks.traces.span import Span, Value
from tasks.traces.tracer import Tracer

HEADER = "traceresponse"
SERVER_ERROR = 500


@dataclass(slots=True)
class Traced:
    """A request while it is handled; `context` once it has accepted, or would accept, a job."""

    tracer: Tracer
    caller: Context | None
    trace_id: str
    began: float
    context: Context | None = None

    def use(self) -> Context:
        """The request's span, which is exported from now on, if its trace is recorded."""
        if self.context is None:
            sampled = self.tracer.samples(self.caller, self.trace_id, _name())
            self.context = Context(self.trace_id, new_span_id(), sampled, self.caller.state if self.caller else "")
        return self.context


def install(app: Flask, tracer: Tracer | None) -> None:
    """Read contexts, and have spans exported; nothing at all while traces are off."""
    if tracer is None:
        return

    @app.before_request
    def read() -> None:
        caller = Context.parse(request.headers.get("traceparent", ""), request.headers.get("tracestate", ""))
        trace_id = caller.trace_id if caller else new_trace_id()
        g.traced = Traced(tracer, caller, trace_id, time.time())
        structlog.contextvars.bind_contextvars(trace_id=trace_id)

    @app.after_request
    def tell(response: Response) -> Response:
        traced: Traced | None = g.get("traced")
        if traced is not None and traced.context is not None:
            response.headers[HEADER] = traced.context.traceparent
            span = _span(traced, traced.context, response.status_code)
            response.call_on_close(lambda: tracer.emit([span()]))
        return response


def of_job(job: Job) -> str:
    """The field `trace` of a job that this request makes; '' while traces are off."""
    traced: Traced | None = g.get("traced")
    return begin.below(job, traced.use()) if traced else ""


def of_request() -> str:
    """The `traceparent` of this request, for a batch to be linked to; '' while traces are off."""
    traced: Traced | None = g.get("traced") if has_request_context() else None
    context = traced.use() if traced else None
    return context.traceparent if context and context.sampled else ""


def _name() -> str:
    return f"{request.method} {request.url_rule.rule if request.url_rule else ''}".rstrip()


def _span(traced: Traced, context: Context, status: int) -> Callable[[], Span]:
    """Makes the span, once the response's last byte is sent: a stream ends later than its headers."""
    name = _name()
    attributes: dict[str, Value] = {
        "http.request.method": request.method,
        "http.route": request.url_rule.rule if request.url_rule else "",
        "url.path": request.path,
        "url.scheme": request.scheme,
        "http.response.status_code": status,
    }

    def made() -> Span:
        return Span(
            name=name,
            context=context,
            parent=traced.caller.span_id if traced.caller else "",
            start=traced.began,
            end=time.time(),
            kind="server",
            attributes=attributes,
            error=str(status) if status >= SERVER_ERROR else "",
        )

    return made
