"""The OpenAPI 3.1 document of an application, from its routes and what each endpoint's `document` tells of it."""

from __future__ import annotations

import http
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import metadata
from typing import Any

from flask import Flask
from pydantic import BaseModel
from werkzeug.routing import Rule

from app.access.scopes import scope_of
from app.http.error_wire import ErrorAnswer
from app.http.errors import FINAL
from app.openapi.describe import Answer, Described, Description, Event, Header, Parameter
from app.openapi.parts import (
    ANSWER_REQUEST_ID,
    MORE_CODES,
    PATH,
    RETRY_AFTER,
    SHOULD_RETRY,
    WWW_AUTHENTICATE,
    X_REQUEST_ID,
)
from app.openapi.schemas import Schemas
from tasks.errors import (
    AuthenticationFailed,
    BrokerUnavailable,
    CaravanError,
    EngineFailure,
    InsufficientScope,
    RecordTooNew,
)
from tasks.models.catalogue import Catalogue
from tasks.records.api_key import Scope

PACKAGE = "llama-caravan"
_SCHEME = "apiKey"
_INTRODUCTION = (
    "Every body and every response is JSON, except streams and metrics. Every failure has one form, `ErrorAnswer`; "
    "act on its `code`. Fields that a call does not know are refused."
)


@dataclass(frozen=True, slots=True)
class _Route:
    """One method of one path."""

    path: str
    method: str
    rule: Rule
    says: Description
    docstring: str
    scope: Scope | None


NOT_OURS = frozenset({"flower.proxy"})
"""What is handed on to others, which describe themselves."""


def build(app: Flask, described: Described, catalogue: Catalogue, *, keys: bool = False) -> dict[str, Any]:
    """The document; with `keys` it says that calls ask for one.

    Raises LookupError for a route of which nothing is told.
    """
    routes = list(_routes(app, described))
    schemas = Schemas(_types(route.says for route in routes))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = _operation(route, schemas, catalogue)
    about = metadata(PACKAGE)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Caravan",
            "version": about["Version"],
            "summary": about["Summary"],
            "description": _INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": description} for name, description in described.tags.items()],
        **({"security": [{_SCHEME: []}]} if keys else {}),
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "parameters": {X_REQUEST_ID.name: _parameter(X_REQUEST_ID)},
            "headers": {header.name: _header(header) for header in (ANSWER_REQUEST_ID, RETRY_AFTER, SHOULD_RETRY)},
            **({"securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer"}}} if keys else {}),
        },
    }


def _routes(app: Flask, described: Described) -> Iterator[_Route]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in NOT_OURS:
            continue
        says = described.calls.get(rule.endpoint)
        if says is None:
            raise LookupError(
                f"{rule.rule} is not described: no document.py under app/endpoints knows '{rule.endpoint}'."
            )
        docstring = inspect.getdoc(app.view_functions[rule.endpoint]) or ""
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield _Route(path, method.lower(), rule, says, docstring, scope_of(app, rule.endpoint))


def _types(descriptions: Iterable[Description]) -> Iterator[Any]:
    yield ErrorAnswer
    for says in descriptions:
        yield from says.bodies
        for answer in says.answers.values():
            if answer.schema is not None:
                yield answer.schema
            yield from (event.data for event in answer.events if event.data is not None)


def _operation(route: _Route, schemas: Schemas, catalogue: Catalogue) -> dict[str, Any]:
    says = route.says
    summary, _, more = route.docstring.partition("\n\n")
    parameters = [_of_path(name, says) for name in sorted(route.rule.arguments)]
    parameters += [parameter for parameter in says.parameters if parameter.where != "path"]
    operation: dict[str, Any] = {
        "operationId": route.rule.endpoint.replace(".", "_"),
        "tags": [says.tag],
        "summary": _plain(summary, code=""),  # Markdown is not for summaries
        **({"description": _plain(more)} if more else {}),
        "parameters": [*map(_parameter, parameters), {"$ref": f"#/components/parameters/{X_REQUEST_ID.name}"}],
    }
    if says.bodies:
        operation["requestBody"] = _body(says, schemas, catalogue)
    operation["responses"] = {str(status): _answer(answer, schemas) for status, answer in says.answers.items()}
    operation["responses"] |= _failures(says, route.scope)
    if route.scope is None:
        operation["security"] = []
    return operation


def _plain(text: str, *, code: str = "`") -> str:
    """A docstring's text on one line."""
    return " ".join(text.replace("``", code).split())


def _of_path(name: str, says: Description) -> Parameter:
    """What stands in the path under a name, which the route may say itself."""
    own = {parameter.name: parameter for parameter in says.parameters if parameter.where == "path"}
    return own.get(name) or PATH[name]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.where == "path",
        "description": parameter.meaning,
        "schema": dict(parameter.schema),
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def _header(header: Header) -> dict[str, Any]:
    return {"description": header.meaning, "required": header.always, "schema": dict(header.schema)}


def _body(says: Description, schemas: Schemas, catalogue: Catalogue) -> dict[str, Any]:
    kinds = [schemas.of(body) for body in says.bodies]
    content: dict[str, Any] = {"schema": kinds[0] if len(kinds) == 1 else {"oneOf": kinds}}
    values = {name: _complete(example, says, catalogue) for name, example in says.examples.items()}
    content["examples"] = {name: {"summary": name, "value": value} for name, value in values.items() if value}
    kind = "multipart/form-data" if says.form else "application/json"
    return {"required": True, "content": {kind: content}}


def _complete(example: Mapping[str, Any], says: Description, catalogue: Catalogue) -> dict[str, Any] | None:
    """The example with a model of this server's that can be asked for it; None if others can be given instead."""
    body = next(body for body in says.bodies if set(example) <= _fields(body))
    if "model" not in _fields(body):
        return dict(example)
    operation = getattr(body, "operation", None)
    model = next((name for name in catalogue if operation in catalogue[name].operations), None)
    if model is None and len(says.bodies) > 1:
        return None
    return {"model": model or "demo", **example}


def _fields(body: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in body.model_fields.items()}


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if answer.schema is not None:
        content[answer.content] = {"schema": schemas.of(answer.schema)}
    if answer.events:
        content["text/event-stream"] = {"schema": _stream(answer.events, schemas)}
    headers = {header.name: _header(header) for header in answer.headers}
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


def _failures(says: Description, scope: Scope | None) -> dict[str, Any]:
    """The answers that are errors, by status, with the codes that are to be expected."""
    by_status: dict[int, list[type[CaravanError]]] = {}
    errors: set[type[CaravanError]] = {*says.errors, EngineFailure}
    if scope is not None:  # the key is asked for, which Redis has
        errors |= {AuthenticationFailed, BrokerUnavailable}
    if scope is Scope.ADMIN:
        errors.add(InsufficientScope)
    if BrokerUnavailable in errors:
        errors.add(RecordTooNew)  # whoever reads records may meet one
    for error in sorted(errors, key=lambda error: error.code):
        by_status.setdefault(error.http_status, []).append(error)
    return {str(status): _failure(status, errors, says) for status, errors in sorted(by_status.items())}


def _failure(status: int, errors: Iterable[type[CaravanError]], says: Description) -> dict[str, Any]:
    reasons = "; ".join(f"{_codes(error)}: {_reason(error)}" for error in errors)
    again = any(error.default_retry_after_seconds for error in errors)
    return {
        "description": f"{http.HTTPStatus(status).phrase}. {reasons}.",
        "headers": {
            **_common(
                ANSWER_REQUEST_ID, *([RETRY_AFTER] if again else []), *([SHOULD_RETRY] if status in FINAL else [])
            ),
            **(
                {WWW_AUTHENTICATE.name: _header(WWW_AUTHENTICATE)} if status == AuthenticationFailed.http_status else {}
            ),
            **{header.name: _header(header) for header in says.error_headers},
        },
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
    }


def _codes(error: type[CaravanError]) -> str:
    return ", ".join(f"`{code}`" for code in (error.code, *MORE_CODES.get(error, ())))


def _reason(error: type[CaravanError]) -> str:
    """When the error is raised, as its class says."""
    return _plain(error.__doc__ or "").removeprefix("Raised when ").rstrip(".")


def _common(*headers: Header) -> dict[str, Any]:
    return {header.name: {"$ref": f"#/components/headers/{header.name}"} for header in headers}
