"""What is told of a route."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from app.openapi.error_form import OPENAI, ErrorForm
from tasks.errors import CaravanError

Example = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""A body, or a list of them."""


def is_entry(sent: str, name: str) -> bool:
    """Whether a query's name is an entry of an object's, as OpenAPI's ``deepObject`` has it: ``name[key]``."""
    return re.fullmatch(rf"{name}\[[^\[\]]{{1,64}}\]", sent) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a path, a query or a header. ``schema`` is JSON schema."""

    name: str
    where: Literal["path", "query", "header"]
    meaning: str
    schema: Mapping[str, Any]
    example: Any = None
    required: bool = False
    """Those of a path always are."""

    def is_sent_as(self, name: str) -> bool:
        """Whether a query's name is this parameter's. OpenAI's clients mark arrays: ``include[]=...``."""
        match self.schema.get("type"):
            case "object":
                return is_entry(name, self.name)
            case "array":
                return name in (self.name, f"{self.name}[]")
            case _:
                return name == self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header of a response. ``always`` says whether it is never left out."""

    name: str
    meaning: str
    schema: Mapping[str, Any]
    always: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a stream: its ``data`` is JSON of a type, or a word that stands for itself."""

    meaning: str
    data: Any = None
    word: str = ""
    name: str = ""
    cursor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way in which a call is answered.

    ``schema`` is a type; without one, and without events, there is no body. ``page``: a browser
    gets a page instead. ``lines`` is the type of a line of a stream that is newline-delimited JSON. ``links`` are
    endpoints that can be asked next, each with the name of the parameter that is the answer's ``id``.
    """

    meaning: str
    schema: Any = None
    content: str = "application/json"
    page: bool = False
    events: tuple[Event, ...] = ()
    lines: Any = None
    headers: tuple[Header, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All that the document tells of a route but for its path, its methods and its docstring.

    ``bodies`` are the kinds of body it takes, of which a request has one, as JSON unless it is a ``form``; or a list of
    up to ``most_bodies``, if that is not 0. ``examples`` are bodies by what they show. ``errors`` leaves out what any
    route may fail with, and ``error`` is the form of them all. ``any_query`` is of probes and pages, to whose addresses
    others add parameters of their own: they are passed over.
    """

    tag: str
    answers: Mapping[int, Answer]
    bodies: tuple[type[BaseModel], ...] = ()
    most_bodies: int = 0
    form: bool = False
    examples: Mapping[str, Example] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[type[CaravanError], ...] = ()
    error_headers: tuple[Header, ...] = ()
    error_form: ErrorForm = OPENAI
    any_query: bool = False

    def takes(self, name: str) -> bool:
        """Whether the call has a query parameter that is sent under this name."""
        return any(parameter.where == "query" and parameter.is_sent_as(name) for parameter in self.parameters)


@dataclass(frozen=True, slots=True)
class Described:
    """What is told of each route, by its endpoint, and of each tag."""

    calls: Mapping[str, Description]
    tags: Mapping[str, str]
