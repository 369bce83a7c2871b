"""Bodies of calls that become jobs, as their schemas read them: of requests, and of the lines of batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.bodies.job import JobBody
from app.http.errors import from_validation
from tasks.errors import InvalidRequest
from tasks.models.catalogue import Catalogue, ModelEntry, kind_for
from tasks.records.adapters import KEY

Body = TypeVar("Body", bound=BaseModel)


def validate(schema: type[Body], body: Mapping[str, Any]) -> Body:
    """The body as its schema reads it; raises InvalidRequest, which names the first field at fault."""
    try:
        return schema.model_validate(body)
    except ValidationError as exc:
        raise from_validation(exc, schema) from exc


def model_for(body: JobBody, catalogue: Catalogue) -> tuple[str, ModelEntry]:
    """The model that a body asks, by its own name; raises ModelNotFound, or InvalidRequest for one of another kind."""
    name = catalogue.asked(body.model, body.operation)
    entry, needed = catalogue[name], kind_for(body.operation)
    if body.operation not in entry.operations:
        raise InvalidRequest(
            f"'{name}' is a model of kind '{entry.kind}', and this call needs one of kind '{needed}'.", param="model"
        )
    return name, entry


def request_of(body: JobBody, catalogue: Catalogue, entry: ModelEntry) -> dict[str, Any]:
    """What goes to the worker, with the adapters that the body asks for; raises InvalidRequest."""
    asked = body.request(entry)
    generates = body.operation.generates
    adapters = body.adapters(entry, named=catalogue.adapter_of(body.model)) if generates else ()
    return {**asked, KEY: [list(each) for each in adapters]} if adapters else asked
