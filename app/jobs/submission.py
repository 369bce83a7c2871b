"""From an HTTP request to a job."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, after_this_request, request

from app.access.caller import caller, catalogue
from app.access.limits import allowed, spend, spend_many, spend_requests
from app.bodies.job import MAX_KEY_LENGTH, Envelope, JobBody, Webhook
from app.bodies.service_tier import KEY
from app.bodies.unused import HEADER, unused
from app.bodies.validation import model_for, request_of
from app.http import request_id, traces
from app.http.turns import aside
from app.jobs.repeats import asked_repeat, repeat_of
from app.jobs.urgency import asked_priority, asked_timeout
from app.services.services import services
from tasks.errors import CaravanError, InvalidRequest
from tasks.ledger.admission import Idempotency
from tasks.models.catalogue import ModelEntry
from tasks.queue.service import Taken
from tasks.records.event import TELLS_PROGRESS, TELLS_TIMES
from tasks.records.job import Job
from tasks.webhooks.networks import literal, may_dial


def submit(sent: dict[str, Any], body: JobBody, *, stands: bool = False) -> Taken:
    """Submit a job within the caller's limits; or the earlier one with the request's idempotency key.

    Args:
        sent: the body as the client sent it.
        stands: whether to tell where the job stands.
        body: the same, as its schema read it. It is asked for a job's request only if there is no earlier job.

    Raises:
        ModelNotFound, InvalidRequest: the body cannot be run.
        CaravanError: what `spend` and `QueueService.submit` raise.
    """
    key = _idempotency(sent, _own_key(body) or _header_key())
    if key and (known := services().ledger.admission.known(caller().owner, key)):
        return Taken(known, None, None)
    models = catalogue()
    model, entry = model_for(body, models)
    job = aside(lambda: _job(body, model, entry, request_of(body, models, entry)))
    _tell_unused([body])
    limits = allowed()
    job = spend(replace(job, result_bytes=limits.result_bytes))
    return services().queue.submit(job, idempotency=key, most_in_flight=limits.jobs_in_flight, stands=stands)


def submit_many(bodies: Sequence[Any], read: Callable[[dict[str, Any]], JobBody]) -> list[str | CaravanError]:
    """Submit jobs within the caller's limits, each by itself: of each its id, or the earlier one's; or its error.

    The limits a minute let all of them through, or none.

    Args:
        bodies: as the client sent them.
        read: gives a body as its schema reads it; raises InvalidRequest.

    Raises:
        CaravanError: what `spend_requests` and `spend_many` raise, and BrokerUnavailable.
    """
    spend_requests(len(bodies) - 1)
    key_of_all = _header_key()
    keys = [f"{key_of_all}\n{number}" if key_of_all else "" for number in range(len(bodies))]  # as no header has one
    asked = aside(lambda: [_asked(sent, key, read) for sent, key in zip(bodies, keys, strict=True)])
    sound = [each for each in asked if isinstance(each, _Asked)]
    _tell_unused(each.body for each in sound)
    limits = allowed()
    jobs = spend_many([replace(each.job, result_bytes=limits.result_bytes) for each in sound], but=_known(sound))
    given = [(job, each.idempotency) for job, each in zip(jobs, sound, strict=True)]
    verdicts = iter(services().queue.submit_many(given, most_in_flight=limits.jobs_in_flight))
    return [next(verdicts) if isinstance(each, _Asked) else each for each in asked]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One of many bodies, and the job that it becomes."""

    body: JobBody
    job: Job
    idempotency: Idempotency | None


def _asked(sent: Any, key_of_all: str, read: Callable[[dict[str, Any]], JobBody]) -> _Asked | CaravanError:
    try:
        if not isinstance(sent, dict):
            raise InvalidRequest("Each job of a list must be a JSON object.", code="invalid_json")
        body = read(sent)
        models = catalogue()
        model, entry = model_for(body, models)
        job = _job(body, model, entry, request_of(body, models, entry))
        return _Asked(body, job, _idempotency(sent, _own_key(body) or key_of_all))
    except CaravanError as exc:
        return exc


def _known(asked: Sequence[_Asked]) -> set[str]:
    """The jobs whose tokens are not to be counted: earlier ones stand for them."""
    if caller().limits.tokens_per_minute is None:
        return set()
    keyed = [(each.job.id, each.idempotency) for each in asked if each.idempotency]
    found = services().ledger.admission.known_many(caller().owner, [key for _, key in keyed])
    return {job_id for (job_id, _), known in zip(keyed, found, strict=True) if known}


def _job(body: JobBody, model: str, entry: ModelEntry, asked: dict[str, Any]) -> Job:
    envelope = body if isinstance(body, Envelope) else Envelope()
    job = Job(
        id=str(uuid.uuid4()),
        model=model,
        operation=body.operation,
        request=asked
        | ({KEY: body.tier} if body.tier else {})
        | ({TELLS_PROGRESS: True} if body.tells_progress else {})
        | ({TELLS_TIMES: True} if body.tells_times else {}),
        owner=caller().owner,
        weight=caller().limits.weight,
        priority=asked_priority(body),
        metadata=body.metadata or {},
        request_id=request_id.current(),
        timeout_seconds=asked_timeout(body),
        max_attempts=envelope.max_attempts,
        webhook=_webhook(envelope.webhook),
        repeat=asked_repeat(repeat_of(body.operation, model, entry, asked)),
    )
    return replace(job, trace=traces.of_job(job))


def _tell_unused(bodies: Iterable[JobBody]) -> None:
    """Have the response name the fields of which nothing comes."""
    if names := aside(lambda: ", ".join(dict.fromkeys(name for body in bodies for name in unused(body)))):

        @after_this_request
        def name(response: Response) -> Response:
            response.headers[HEADER] = names
            return response


def _webhook(webhook: Webhook | None) -> str | None:
    """A webhook that this server sends; raises InvalidRequest. Names are looked up when they are dialled."""
    settings = services().settings
    if webhook is None:
        return None
    if not settings.webhook_secrets:
        raise InvalidRequest(
            "This server sends no webhooks. Set CARAVAN_WEBHOOK_SECRET for the web front and the clerk.",
            param="webhook",
        )
    address = literal(webhook.host)
    if address is not None and not may_dial(address, settings.webhook_networks):
        raise InvalidRequest(
            "webhook: its address is not public, and CARAVAN_WEBHOOK_NETWORKS does not allow it.",
            param="webhook",
        )
    return webhook.url


def has_idempotency_key() -> bool:
    """Whether another request may take up this one's job."""
    return bool(_header_key())


def _header_key() -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidRequest(f"An Idempotency-Key has {MAX_KEY_LENGTH} characters at most.", param="Idempotency-Key")
    return key


def _own_key(body: JobBody) -> str:
    return (body.idempotency_key if isinstance(body, Envelope) else None) or ""


def _idempotency(sent: Mapping[str, Any], key: str) -> Idempotency | None:
    """A key, bound to the path and the body as the client sent it; None without a key."""
    if not key:
        return None
    body = {name: value for name, value in sent.items() if name != "idempotency_key"}
    return Idempotency(key, hashlib.sha256(f"{request.path} {json.dumps(body, sort_keys=True)}".encode()).hexdigest())
