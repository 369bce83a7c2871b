"""From a transition of a job, as the ledger noted it, to the spans that it ends. Pure.

A transition ends the wait, or the attempt, that the one before began, and the last one the job as well. The ledger
knows when: so an attempt whose worker was killed is told of like any other, and a job that ends in the line as well.
All times are those of Redis' clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tasks.errors import JobTimeout
from tasks.records.job import JobStatus
from tasks.traces import gen_ai
from tasks.traces.span import JobTrace, Span, Value

DEATHS = frozenset({"crashed", "killed", "lease_expired", "worker_restarted"})
"""Of the reasons for which a running job goes back to the line those that are its worker's death."""
WORKER_DIED = "worker_died"


def spans_of(noted: Mapping[str, str]) -> Iterator[Span]:
    """The spans that end with a transition; none for one that cannot be read.

    Args:
        noted: what ``lua/lib/traced.lua`` writes.
    """
    trace = JobTrace.decode(noted.get("trace", ""))
    if trace is None:
        return
    accepted, at = float(noted["place"]), float(noted["at"])
    began = min(at, max(accepted, int(noted["since"]) / 1000))
    if noted["from"] == JobStatus.QUEUED:
        waited = trace.root.derived("queue", noted["since"])
        yield Span(name="queue", context=waited, parent=trace.root.span_id, start=began, end=at)
    if noted["from"] == JobStatus.RUNNING:
        yield _attempt(noted, trace, began, at)
    if JobStatus(noted["to"]).ended:
        yield _root(noted, trace, accepted, at)


def _attempt(noted: Mapping[str, str], trace: JobTrace, began: float, at: float) -> Span:
    why = noted.get("why", "")
    attributes: dict[str, Value] = {
        "caravan.worker": noted.get("worker", ""),
        "caravan.attempt": int(noted.get("claims", 0)),
    }
    if why:
        attributes["caravan.given_back"] = why
    return Span(
        name="attempt",
        context=trace.attempt(noted["since"]),
        parent=trace.root.span_id,
        start=began,
        end=at,
        attributes=attributes,
        error=_attempt_error(noted, why),
    )


def _attempt_error(noted: Mapping[str, str], why: str) -> str:
    if why in DEATHS:
        return WORKER_DIED
    if noted["to"] == JobStatus.FAILED:
        return _code(noted.get("error", ""))
    return _code(noted.get("last_error", "")) if why == "failed" else ""


def _root(noted: Mapping[str, str], trace: JobTrace, accepted: float, at: float) -> Span:
    operation, model, status = noted["operation"], noted["model"], noted["to"]
    attributes: dict[str, Value] = {
        **trace.asked,
        "gen_ai.operation.name": gen_ai.operation_name(operation),
        "gen_ai.provider.name": gen_ai.PROVIDER,
        "gen_ai.request.model": model,
        "caravan.job.id": noted["id"],
        "caravan.job.status": status,
        "caravan.job.priority": noted["priority"],
        "caravan.attempts": int(noted.get("claims", 0)),
    }
    if noted.get("request_id"):
        attributes["caravan.request.id"] = noted["request_id"]
    if status == JobStatus.SUCCEEDED:
        attributes |= {"gen_ai.response.model": model, "gen_ai.response.id": noted["id"]}
    if reasons := json.loads(noted.get("finish_reasons", "[]")):
        attributes["gen_ai.response.finish_reasons"] = reasons
    if "usage" in noted:
        told = json.loads(noted["usage"])
        attributes |= gen_ai.usage(told)
        if told.get("answer_cached"):
            attributes["caravan.answer_cached"] = True
    return Span(
        name=gen_ai.span_name(operation, model),
        context=trace.root,
        parent=trace.parent,
        start=accepted,
        end=at,
        attributes=attributes,
        error=_end_error(status, noted),
        link=trace.link,
    )


def _end_error(status: str, noted: Mapping[str, str]) -> str:
    """That somebody cancelled a job is no failure of it."""
    if status == JobStatus.EXPIRED:
        return str(JobTimeout("").to_wire()["code"])
    return _code(noted.get("error", "")) if status == JobStatus.FAILED else ""


def _code(error: str) -> str:
    """The word of an error in its wire form."""
    told = json.loads(error) if error else {}
    return str(told.get("code") or told.get("type") or "failed")
