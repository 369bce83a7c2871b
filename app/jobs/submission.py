"""From an HTTP request to a job."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from flask import Response, after_this_request, request

from app.access.caller import caller, catalogue
from app.access.limits import allowed, spend
from app.bodies.job import Envelope, JobBody, Webhook
from app.bodies.service_tier import KEY
from app.bodies.unused import HEADER, unused
from app.bodies.validation import entry_for
from app.http import request_id
from app.http.turns import aside
from app.jobs.urgency import asked_priority, asked_timeout
from app.services.services import services
from tasks.errors import InvalidRequest
from tasks.ledger.admission import Idempotency
from tasks.queue.service import Taken
from tasks.records.job import Job
from tasks.webhooks.networks import literal, may_dial

MAX_KEY_LENGTH = 255


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
    key = idempotency(sent)
    if key and (known := services().ledger.admission.known(caller().owner, key)):
        return Taken(known, None, None)
    job = _job(body)
    _tell_unused(body)
    most = allowed().jobs_in_flight
    return services().queue.submit(spend(job), idempotency=key, most_in_flight=most, stands=stands)


def _job(body: JobBody) -> Job:
    entry = entry_for(body, catalogue())
    envelope = body if isinstance(body, Envelope) else Envelope()
    return Job(
        id=str(uuid.uuid4()),
        model=body.model,
        operation=body.operation,
        request=aside(body.request, entry) | ({KEY: body.tier} if body.tier else {}),
        owner=caller().owner,
        weight=caller().limits.weight,
        priority=asked_priority(body),
        metadata=body.metadata or {},
        request_id=request_id.current(),
        timeout_seconds=asked_timeout(body),
        max_attempts=envelope.max_attempts,
        webhook=_webhook(envelope.webhook),
    )


def _tell_unused(body: JobBody) -> None:
    """Have the response name the fields of which nothing comes."""
    if names := aside(lambda: ", ".join(unused(body))):

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
    return bool(_key())


def _key() -> str:
    return request.headers.get("Idempotency-Key", "").strip()


def idempotency(body: dict[str, Any]) -> Idempotency | None:
    """The request's ``Idempotency-Key``, bound to the path and the body as the client sent it; None without a key."""
    key = _key()
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidRequest(f"An Idempotency-Key has {MAX_KEY_LENGTH} characters at most.", param="Idempotency-Key")
    digest = hashlib.sha256(f"{request.path} {json.dumps(body, sort_keys=True)}".encode()).hexdigest()
    return Idempotency(key, digest) if key else None
