"""The responses of an operation in the OpenAPI document: how a call is answered, and how it may fail."""

from __future__ import annotations

import http
from collections.abc import Iterable, Mapping
from typing import Any

from app.http.content_encoding import UnsupportedEncoding
from app.http.errors import FINAL
from app.openapi.describe import Answer, Description, Event, Header
from app.openapi.error_form import ErrorForm
from app.openapi.parts import ANSWER_REQUEST_ID, MORE_CODES, RETRY_AFTER, SHOULD_RETRY, WWW_AUTHENTICATE
from app.openapi.schemas import Schemas
from tasks import errors
from tasks.records.api_key import Scope

PAGE = {"text/html": {"schema": {"type": "string"}}}
"""What a browser gets that opens the address."""


def responses(says: Description, scope: Scope | None, schemas: Schemas, *, opened: bool) -> dict[str, Any]:
    """By status. A call with a scope asks for a key, and can fail for want of one.

    Args:
        opened: whether a browser can open the address, which then shows its failures as pages.
    """
    answers = {str(status): _answer(answer, schemas) for status, answer in says.answers.items()}
    return answers | _failures(says, scope, schemas, PAGE if opened else {})


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if answer.schema is not None:
        content[answer.content] = {"schema": schemas.of(answer.schema)}
    if answer.events:
        content["text/event-stream"] = {"schema": _stream(answer.events, schemas)}
    if answer.lines is not None:
        content["application/x-ndjson" if answer.schema else answer.content] = {"schema": schemas.of(answer.lines)}
    if answer.page:
        content |= PAGE
    headers = {each.name: header(each) for each in answer.headers}
    return {
        "description": answer.meaning,
        "headers": {**_common(ANSWER_REQUEST_ID), **headers},
        **({"content": content} if content else {}),
        **({"links": dict(map(_link, answer.links.items()))} if answer.links else {}),
    }


def _link(link: tuple[str, str]) -> tuple[str, dict[str, Any]]:
    operation, parameter = link[0].replace(".", "_"), link[1]
    return operation, {"operationId": operation, "parameters": {parameter: "$response.body#/id"}}


def _stream(events: Iterable[Event], schemas: Schemas) -> dict[str, Any]:
    """The schema of one event, which is what OpenAPI 3.1 has for a stream."""
    kinds = [_event(event, schemas) for event in events]
    return {"description": "Server-sent events; the schema is that of one event.", "anyOf": kinds}


def _event(event: Event, schemas: Schemas) -> dict[str, Any]:
    data: dict[str, Any] = {"type": "string"}
    if event.word:
        data["const"] = event.word
    else:
        data |= {"contentMediaType": "application/json", "contentSchema": schemas.of(event.data)}
    fields: dict[str, Any] = {"data": data}
    if event.name:
        fields["event"] = {"type": "string", "const": event.name}
    if event.cursor:
        fields["id"] = {"type": "string", "description": "The event's cursor, to resume after it."}
    return {"type": "object", "description": event.meaning, "required": list(fields), "properties": fields}


def _failures(says: Description, scope: Scope | None, schemas: Schemas, page: Mapping[str, Any]) -> dict[str, Any]:
    """The answers that are errors, by status, with the codes that are to be expected."""
    by_status: dict[int, list[type[errors.CaravanError]]] = {}
    raised: set[type[errors.CaravanError]] = {*says.errors, errors.EngineFailure, errors.ForeignSite}
    if scope is not None:  # Redis has the key, and counts the call
        raised |= {errors.AuthenticationFailed, errors.InsufficientScope, errors.BrokerUnavailable, errors.RateLimited}
    if not says.any_query:  # one with an unknown parameter is refused
        raised.add(errors.InvalidRequest)
    if says.bodies:
        raised.add(errors.BodyTooSlow)
    if says.bodies and not says.form:  # a form's body is read as it comes
        raised.add(UnsupportedEncoding)
    if errors.BrokerUnavailable in raised:
        raised.add(errors.RecordTooNew)  # whoever reads records may meet one
    for error in sorted(raised, key=lambda error: error.code):
        by_status.setdefault(error.http_status, []).append(error)
    form = says.error_form
    return {
        str(form.status(status)): _failure(status, kinds, says, {**_json(form, schemas), **page})
        for status, kinds in sorted(by_status.items())
    }


def _json(form: ErrorForm, schemas: Schemas) -> dict[str, Any]:
    return {"application/json": {"schema": schemas.of(form.schema)}}


def _failure(
    status: int, kinds: Iterable[type[errors.CaravanError]], says: Description, content: Mapping[str, Any]
) -> dict[str, Any]:
    reasons = "; ".join(f"{_codes(error)}: {_reason(error)}" for error in kinds)
    again = any(error.default_retry_after_seconds for error in kinds)
    return {
        "description": f"{http.HTTPStatus(status).phrase}. {reasons}.",
        "headers": {
            **_common(
                ANSWER_REQUEST_ID, *([RETRY_AFTER] if again else []), *([SHOULD_RETRY] if status in FINAL else [])
            ),
            **(
                {WWW_AUTHENTICATE.name: header(WWW_AUTHENTICATE)}
                if status == errors.AuthenticationFailed.http_status
                else {}
            ),
            **{each.name: header(each) for each in says.error_headers},
        },
        "content": dict(content),
    }


def _codes(error: type[errors.CaravanError]) -> str:
    return ", ".join(f"`{code}`" for code in (error.code, *MORE_CODES.get(error, ())))


def _reason(error: type[errors.CaravanError]) -> str:
    """When the error is raised, as its class says."""
    return plain(error.__doc__ or "").removeprefix("Raised when ").rstrip(".")


def _common(*headers: Header) -> dict[str, Any]:
    return {header.name: {"$ref": f"#/components/headers/{header.name}"} for header in headers}


def plain(text: str, *, code: str = "`") -> str:
    """A docstring's text on one line."""
    return " ".join(text.replace("``", code).split())


def header(header: Header) -> dict[str, Any]:
    """A header of a response."""
    return {"description": header.meaning, "required": header.always, "schema": dict(header.schema)}
