"""Null asks for nothing, in every field of every body and of every object inside one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest

from app.bodies.part import Part
from app.bodies.validation import validate
from app.endpoints.batches.lines import SCHEMAS
from app.endpoints.batches.wire import BatchBody
from app.endpoints.jobs.body import ChatJobBody
from app.endpoints.keys.wire import KeyBody
from app.endpoints.openai.chat_body import ChatBody
from app.endpoints.openai.embedding_body import EmbeddingBody
from app.endpoints.openai.responses.body import ResponseBody
from app.endpoints.tokens.body import TokenizeBody
from tasks.errors import InvalidRequest

WHERE = (BatchBody, ChatJobBody, KeyBody, ResponseBody, TokenizeBody, *SCHEMAS.values())
"""Bodies whose modules define all others."""
HELLO = [{"role": "user", "content": "Hello"}]
GIVEN: dict[str, Any] = {
    "model": "demo",
    "messages": HELLO,
    "prompt": "Hello",
    "input": "Hello",
    "content": "Hello",
    "query": "Hello",
    "documents": ["Hello"],
    "texts": ["Hello"],
    "tokens": [1],
    "ids": ["x"],
    "id": "x",
    "name": "x",
    "text": "x",
    "arguments": "{}",
    "schema": {},
    "function": {"name": "x", "arguments": "{}"},
    "input_file_id": "file-1",
    "endpoint": "/v1/embeddings",
    "completion_window": "24h",
    "seconds": 3600,
    "priority": "low",
    "tools": [{"type": "function", "name": "x"}],
}
"""A value for each required field that is no choice."""


def kinds(of: type[Part] = Part) -> Iterator[type[Part]]:
    for kind in of.__subclasses__():
        if kind.__module__.startswith("app.") and not getattr(kind, "__abstractmethods__", None):
            yield kind
        yield from kinds(kind)


def _value(name: str, annotation: Any) -> Any:
    if get_origin(annotation) is dict:
        return {}
    if name in GIVEN:
        return GIVEN[name]
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return least(annotation)
    return next(iter(get_args(annotation)), "1" if annotation is str else 1)


def least(kind: type[Part]) -> dict[str, Any]:
    """The required fields."""
    made = {}
    for name, field in kind.model_fields.items():
        if field.is_required():
            sent = field.alias or name
            made[sent] = _value(sent, field.annotation)
    if "function" in made and "arguments" not in str(kind.model_fields["function"].annotation):
        annotation = kind.model_fields["function"].annotation
        assert isinstance(annotation, type)
        made["function"] = {name: GIVEN[name] for name, field in annotation.model_fields.items() if field.is_required()}
    return made


OPTIONAL = [
    (kind, field.alias or name)
    for kind in sorted(set(kinds()), key=lambda kind: (kind.__qualname__, kind.__module__))
    for name, field in kind.model_fields.items()
    if not field.is_required()
]


@pytest.mark.parametrize(("kind", "field"), OPTIONAL, ids=lambda value: getattr(value, "__name__", value))
def test_null_is_as_if_the_field_were_left_out(kind: type[Part], field: str) -> None:
    with_null, without = kind.model_validate({**least(kind), field: None}), kind.model_validate(least(kind))
    assert (with_null, with_null.model_fields_set) == (without, without.model_fields_set)


def test_there_are_fields_of_all_bodies() -> None:
    assert {kind for kind, _ in OPTIONAL} >= {*WHERE}
    assert len(OPTIONAL) > 250


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (EmbeddingBody, {"model": "vectors", "input": "hi", "encoding_format": None}),
        (ChatJobBody, {"model": "demo", "messages": HELLO, "priority": None, "max_attempts": None}),
        (ChatBody, {"model": "demo", "messages": HELLO, "stream_options": {"include_usage": None}}),
        (ChatBody, {"model": "demo", "messages": HELLO, "functions": None, "stream_options": {"colour": None}}),
        (ResponseBody, {"model": "demo", "input": "hi", "text": {"format": None, "verbosity": None}}),
    ],
)
def test_null_is_taken_inside_objects_and_of_fields_that_do_not_exist(kind: type[Part], body: dict[str, Any]) -> None:
    assert validate(kind, body)


@pytest.mark.parametrize(
    ("kind", "body", "param"),
    [
        (ChatBody, {"model": "demo", "messages": None}, "messages"),
        (ChatBody, {"model": "demo", "messages": [{"role": None, "content": "x"}]}, "messages.0.role"),
    ],
)
def test_a_required_field_cannot_be_null(kind: type[Part], body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validate(kind, body)
    assert refused.value.param == param
