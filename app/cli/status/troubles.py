"""What needs doing in a cluster, and how it is done (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.cli.status.snapshot import Snapshot, Wire
from app.cli.words import counted

FAILURES = {
    "worker_died": "Workers died of the job: `caravan jobs dlq` shows how, `caravan jobs retry ID` runs it again.",
    "engine_failure": "The cause is in the worker's log; `caravan jobs retry ID` runs the job again.",
    "adapter_missing": "models.yaml has this adapter no more: ask for another one.",
    "model_changed": "The model's file was replaced meanwhile: `caravan jobs retry ID` runs the job again.",
    "model_failed": "Mend the model as its reason says, then run the job again: `caravan jobs retry ID`.",
    "context_length_exceeded": "Send a shorter prompt, or raise the model's `context` in models.yaml.",
}
"""What to do about a job that failed, by the code of its error."""
ANY_FAILURE = "The request is at fault: `caravan jobs show ID` tells what, and docs/errors.md explains the code."


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs doing. The advice is '' where what was found says what to do."""

    about: str
    found: str
    advice: str


def troubles(snapshot: Snapshot) -> list[Trouble]:
    """What keeps jobs from being accepted or run. A failed job is none: it has ended, and others run."""
    of_models = (trouble for model in snapshot.models for trouble in _of_model(model, snapshot))
    return [*_of_redis(snapshot), *_of_missing(snapshot), *of_models]


def advice_on_failure(code: str) -> str:
    """What to do about a job that failed with this code."""
    return FAILURES.get(code, ANY_FAILURE)


def _of_redis(snapshot: Snapshot) -> Iterator[Trouble]:
    if snapshot.redis_fault:
        advice = (
            "Look at its log, its memory and its disk; `caravan doctor` on its machine examines it. Accepted jobs wait "
            "meanwhile, and continue by themselves."
        )
        yield Trouble("Redis", snapshot.redis_fault, advice)


def _of_missing(snapshot: Snapshot) -> Iterator[Trouble]:
    """Queues of models that left the catalogue; those alone who may change queues are told of them."""
    for queue in snapshot.queues:
        if not queue.get("in_catalogue", True):  # a server of an earlier release says nothing
            name, waiting = queue["model"], _waiting(queue["depth"])
            advice = (
                f"Give them to another model, `caravan queues move {name} TO`, or end them, `caravan queues cancel "
                f"{name}`; or put {name} back into models.yaml."
            )
            yield Trouble(name, f"{waiting} for it, and the catalogue does not have it.", advice)


def _of_model(model: Wire, snapshot: Snapshot) -> Iterator[Trouble]:
    name, waiting = model["id"], _waiting(model["queued"])
    closed = snapshot.queue(name).get("state", "open")
    if model["state"] == "failed":
        yield Trouble(name, f"No worker can serve it: {model['reason']}", "")
    elif model["state"] == "asleep" and model["queued"] and "reason" in model:
        advice = "Models take turns meanwhile. A larger CARAVAN_MEMORY_BUDGET, or smaller `slots` or `context`, helps."
        yield Trouble(name, f"{waiting}. {model['reason']}", advice)
    elif model["state"] == "asleep" and model["queued"] and closed != "paused":  # a worker would get none of them
        advice = (
            "`caravan up` starts its workers by itself, within seconds, and an autoscaler within a minute or two. "
            f"Where you run workers yourself, start one: `caravan worker {name}`."
        )
        yield Trouble(name, f"{waiting} for a worker, and there is none.", advice)
    told = model.get("reason", "")
    for start in model["starting"]:
        if start["state"] == "failed" and start.get("reason", "") != told:
            found = f"It does not serve '{name}': {start.get('reason') or 'its log has the reason.'}"
            yield Trouble(start["name"], found, "")
    if closed == "paused":
        yield Trouble(name, f"Its queue is paused, and {waiting}.", _resume(name))
    elif closed == "draining":
        yield Trouble(name, "Its queue is draining: new jobs are refused.", _resume(name))


def _waiting(num_jobs: int) -> str:
    return f"{counted(num_jobs, 'job') if num_jobs else 'no job'} wait{'s' if num_jobs < 2 else ''}"


def _resume(model: str) -> str:
    return f"Open it again: `caravan queues resume {model}`."
