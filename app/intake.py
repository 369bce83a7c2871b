"""From an HTTP request to a job."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import pydantic_core
from flask import request
from gunicorn.http.errors import ParseException
from pydantic import BaseModel, ValidationError

from app import request_id
from app.auth import caller, catalogue
from app.errors import from_validation
from app.limits import spend
from app.schemas.job_body import Envelope, JobBody
from app.services import services
from tasks.errors import InvalidRequest, RequestTooLarge
from tasks.job_store import Idempotency
from tasks.jobs import Job, Priority
from tasks.models.catalogue import kind_for
from tasks.webhooks import target
from tasks.webhooks.networks import literal, may_dial

Body = TypeVar("Body", bound=BaseModel)
MAX_KEY_LENGTH = 255


def read_json() -> dict[str, Any]:
    """The request's body as a JSON object; raises InvalidRequest if it is not one."""
    try:
        body = pydantic_core.from_json(_read(), allow_inf_nan=False)
    except ValueError as exc:
        raise InvalidRequest(f"The body is not valid JSON: {exc}.", code="invalid_json") from exc
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
    return body


def _read() -> bytes:
    """The request's body, however it is framed; raises RequestTooLarge, or InvalidRequest if it is cut or malformed."""
    limit, declared = services().settings.max_body_bytes, request.content_length
    if declared is not None and declared > limit:
        raise _too_large(limit)
    try:
        # Not werkzeug's own reading: it cuts a chunked body at the limit and takes what it has for the whole.
        data: bytes = request.environ["wsgi.input"].read(limit + 1)
    except (ParseException, OSError) as exc:
        raise InvalidRequest("The body is not framed as its headers say.", code="invalid_body") from exc
    if len(data) > limit:
        raise _too_large(limit)
    if declared is not None and len(data) < declared:
        raise InvalidRequest("The body is shorter than its Content-Length.", code="invalid_body")
    return data


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body is larger than {limit} bytes. Send less, or raise CARAVAN_MAX_BODY_BYTES.")


def validate(schema: type[Body], body: dict[str, Any]) -> Body:
    """The body as its schema reads it; raises InvalidRequest, which names the first field at fault.

    Null asks for nothing, whatever the field: clients send it for what was not given.
    """
    known = schema.model_fields
    try:
        return schema.model_validate(
            {name: value for name, value in body.items() if value is not None or name in known}
        )
    except ValidationError as exc:
        raise from_validation(exc) from exc


def submit(sent: dict[str, Any], make: Callable[[], Job]) -> str:
    """Submit a job within the caller's limits; its id, or that of an earlier one with the request's idempotency key.

    Args:
        sent: the body as the client sent it.
        make: makes the job, if there is no earlier one.
    """
    key = idempotency(sent)
    if key and (known := services().store.known(caller().owner, key)):
        return known
    job = make()
    spend(job)
    return services().submitter.submit(job, idempotency=key, most_in_flight=caller().limits.jobs_in_flight)


def build_job(body: JobBody) -> Job:
    """A job for a validated body; raises ModelNotFound or InvalidRequest."""
    entry = catalogue().find(body.model)
    if body.operation not in entry.operations:
        raise InvalidRequest(
            f"'{body.model}' is a model of kind '{entry.kind}', and this call needs one of kind "
            f"'{kind_for(body.operation)}'.",
            param="model",
        )
    envelope = body if isinstance(body, Envelope) else Envelope()
    return Job(
        id=str(uuid.uuid4()),
        model=body.model,
        operation=body.operation,
        request=body.request(entry),
        owner=caller().owner,
        weight=caller().limits.weight,
        priority=_priority(envelope),
        metadata=body.metadata or {},
        request_id=request_id.current(),
        timeout_seconds=envelope.timeout,
        max_attempts=envelope.max_attempts,
        webhook=_webhook(envelope.webhook),
    )


def _webhook(url: str | None) -> str | None:
    """A webhook that this server sends; raises InvalidRequest. Names are looked up when they are dialled."""
    settings = services().settings
    if url is None:
        return None
    if not settings.webhook_secrets:
        raise InvalidRequest(
            "This server sends no webhooks. Set CARAVAN_WEBHOOK_SECRET, for the web front and the clerk.",
            param="webhook",
        )
    address = literal(target.parse(url).host)
    if address is not None and not may_dial(address, settings.webhook_networks):
        raise InvalidRequest(
            "webhook: its address is not one of the public internet, and CARAVAN_WEBHOOK_NETWORKS does not allow it.",
            param="webhook",
        )
    return url


def _priority(envelope: Envelope) -> Priority:
    """The one asked for; raises InvalidRequest if the caller's key may not. Unasked, the caller's if that is lower."""
    asked, highest = Priority(envelope.priority), caller().limits.priority
    if "priority" in envelope.model_fields_set:
        check_priority(asked)
    return max(asked, highest, key=lambda priority: priority.rank)


def check_priority(asked: Priority) -> None:
    """Raise InvalidRequest if a priority is more urgent than the caller's key allows."""
    highest = caller().limits.priority
    if asked.rank < highest.rank:
        raise InvalidRequest(f"This key may ask for the priority '{highest}' at most.", param="priority")


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
