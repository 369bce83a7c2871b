"""The OpenAPI 3.1 document of an application, from its routes and what each endpoint's `document` tells of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import metadata
from typing import Any

from flask import Flask
from pydantic import BaseModel
from werkzeug.routing import Rule

from app.access.scopes import scope_of
from app.endpoints.docs.responses import header, plain, responses
from app.openapi import parts
from app.openapi.describe import Described, Description, Example, Parameter
from app.openapi.schemas import Schemas
from tasks.models.catalogue import Catalogue
from tasks.records.api_key import Scope

PACKAGE = "llama-caravan"
_SCHEME = "apiKey"
_INTRODUCTION = (
    "Every body and every response is JSON, except streams and metrics. Every failure has one form, `ErrorAnswer`, but "
    "for those of Ollama's and Anthropic's calls; act on its `code`. "
    "A browser that opens an address gets failures as pages. "
    "Fields and query parameters that a call does not know are refused. "
    "Every path under `/v1` works without `/v1` too, unless another call has that path."
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


NOT_OURS = frozenset({"flower"})
"""Blueprints of what is handed on to others, which describe themselves."""
NO_CALLS = frozenset({"console"})
"""Blueprints of pages: programs have no use for them."""


def is_described(rule: Rule) -> bool:
    """Whether the document tells of a route, under this path."""
    return rule.endpoint.partition(".")[0] not in NOT_OURS | NO_CALLS and not rule.alias


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
            "parameters": {parts.X_REQUEST_ID.name: _parameter(parts.X_REQUEST_ID)},
            "headers": {
                each.name: header(each) for each in (parts.ANSWER_REQUEST_ID, parts.RETRY_AFTER, parts.SHOULD_RETRY)
            },
            **({"securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer"}}} if keys else {}),
        },
    }


def _routes(app: Flask, described: Described) -> Iterator[_Route]:
    for rule in app.url_map.iter_rules():
        if not is_described(rule):
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
    for says in descriptions:
        yield says.error_form.schema
        yield from says.bodies
        for answer in says.answers.values():
            if answer.schema is not None:
                yield answer.schema
            if answer.lines is not None:
                yield answer.lines
            yield from (event.data for event in answer.events if event.data is not None)


def _operation(route: _Route, schemas: Schemas, catalogue: Catalogue) -> dict[str, Any]:
    says = route.says
    summary, _, more = route.docstring.partition("\n\n")
    parameters = [_of_path(name, says) for name in sorted(route.rule.arguments)]
    parameters += [parameter for parameter in says.parameters if parameter.where != "path"]
    operation: dict[str, Any] = {
        "operationId": route.rule.endpoint.replace(".", "_"),
        "tags": [says.tag],
        "summary": plain(summary, code=""),  # Markdown is not for summaries
        **({"description": plain(more)} if more else {}),
        "parameters": [*map(_parameter, parameters), {"$ref": f"#/components/parameters/{parts.X_REQUEST_ID.name}"}],
    }
    if says.bodies:
        operation["requestBody"] = _body(says, schemas, catalogue)
    operation["responses"] = responses(says, route.scope, schemas, opened=route.method == "get")
    if route.scope is None:
        operation["security"] = []
    return operation


def _of_path(name: str, says: Description) -> Parameter:
    """What stands in the path under a name, which the route may say itself."""
    own = {parameter.name: parameter for parameter in says.parameters if parameter.where == "path"}
    return own.get(name) or parts.PATH[name]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required or parameter.where == "path",
        "description": parameter.meaning,
        "schema": dict(parameter.schema),
        **({"style": "deepObject", "explode": True} if parameter.schema.get("type") == "object" else {}),
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def _body(says: Description, schemas: Schemas, catalogue: Catalogue) -> dict[str, Any]:
    kinds = [schemas.of(body) for body in says.bodies]
    if says.most_bodies:
        many = {"type": "array", "items": {"oneOf": kinds}, "minItems": 1, "maxItems": says.most_bodies}
        kinds = [*kinds, many]
    content: dict[str, Any] = {"schema": kinds[0] if len(kinds) == 1 else {"oneOf": kinds}}
    values = {name: _complete(example, says, catalogue) for name, example in says.examples.items()}
    content["examples"] = {name: {"summary": name, "value": value} for name, value in values.items() if value}
    kind = "multipart/form-data" if says.form else "application/json"
    return {"required": True, "content": {kind: content}}


def _complete(example: Example, says: Description, catalogue: Catalogue) -> Any:
    """The example with a model of this server's that can be asked for it; None if others can be given instead."""
    if isinstance(example, Sequence):
        each = [_complete(one, says, catalogue) for one in example]
        return each if all(each) else None
    body = next(body for body in says.bodies if set(example) <= _fields(body))
    if "model" not in _fields(body):
        return dict(example)
    operation = getattr(body, "operation", None)
    model = next((name for name in catalogue if operation in catalogue[name].operations), None)
    if model is None and len({getattr(each, "operation", None) for each in says.bodies}) > 1:
        return None
    return {"model": model or "demo", **example}


def _fields(body: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in body.model_fields.items()}
