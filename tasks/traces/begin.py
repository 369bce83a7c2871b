"""Where a job's trace begins: its root span is chosen when the job is made, and kept in its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tasks.records.job import Job
from tasks.traces import gen_ai
from tasks.traces.context import Context, new_span_id, new_trace_id
from tasks.traces.span import JobTrace

Samples = Callable[[Context | None, str, str], bool]
"""`Tracer.samples`."""


def below(job: Job, parent: Context) -> str:
    """The field `trace` of a job that is a part of a request's span; '' if that is not recorded."""
    if not parent.sampled:
        return ""
    return JobTrace(root=parent.child(), parent=parent.span_id, asked=gen_ai.asked(job)).encode()


def linked(job: Job, maker: str, samples: Samples) -> Job:
    """A job of a batch, with a trace of its own, for a batch may have millions.

    Args:
        maker: the `traceparent` of the request that made the batch, to which the trace is linked; '' for none.
    """
    name = gen_ai.span_name(job.operation.value, job.model)
    root = Context(new_trace_id(), new_span_id())
    if not samples(None, root.trace_id, name):
        return job
    return replace(job, trace=JobTrace(root=root, link=Context.parse(maker), asked=gen_ai.asked(job)).encode())
