"""From an HTTP request to a job."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any, TypeVar

import pydantic_core
from flask import request
from pydantic import BaseModel, ValidationError

from app import request_id
from app.errors import from_validation
from app.schemas.chat import ChatBody
from app.schemas.completions import CompletionBody
from app.schemas.jobs import Envelope
from app.services import services
from tasks import names
from tasks.errors import InvalidRequest
from tasks.job_store import Idempotency
from tasks.jobs import Job, Operation, Priority

Body = TypeVar("Body", bound=BaseModel)
MAX_KEY_LENGTH = 255


def read_json() -> dict[str, Any]:
    """The request's body as a JSON object; raises InvalidRequest if it is not one."""
    try:
        body = pydantic_core.from_json(request.get_data(), allow_inf_nan=False)
    except ValueError as exc:
        raise InvalidRequest(f"The body is not valid JSON: {exc}.", code="invalid_json") from exc
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
    return body


def validate(schema: type[Body], body: dict[str, Any]) -> Body:
    """The body as its schema reads it; raises InvalidRequest, which names the first field at fault."""
    try:
        return schema.model_validate(body)
    except ValidationError as exc:
        raise from_validation(exc) from exc


def build_job(body: ChatBody | CompletionBody) -> Job:
    """A job for a validated body; raises ModelNotFound or InvalidRequest."""
    entry = services().catalogue.find(body.model)
    envelope = body if isinstance(body, Envelope) else Envelope()
    return Job(
        id=str(uuid.uuid4()),
        model=body.model,
        operation=Operation.CHAT if isinstance(body, ChatBody) else Operation.COMPLETION,
        request={**body.payload(), "sampling": body.sampling(entry).encode()},
        owner=names.LOCAL_OWNER,
        priority=Priority(envelope.priority),
        metadata=envelope.metadata,
        request_id=request_id.current(),
        timeout_seconds=envelope.timeout,
    )


def idempotency(body: dict[str, Any]) -> Idempotency | None:
    """The request's ``Idempotency-Key``, bound to the path and the body as the client sent it; None without a key."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidRequest(f"An Idempotency-Key has {MAX_KEY_LENGTH} characters at most.", param="Idempotency-Key")
    digest = hashlib.sha256(f"{request.path} {json.dumps(body, sort_keys=True)}".encode()).hexdigest()
    return Idempotency(key, digest) if key else None
