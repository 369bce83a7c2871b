"""Schemas that pydantic makes of the types that people write: none is refused as a tool's."""

from __future__ import annotations

import datetime
import decimal
import enum
import ipaddress
import pathlib
import re
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import GenericAlias
from typing import Annotated, Any, Literal, NamedTuple

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypedDict

from tasks.answers.constraint import from_json_schema
from tests.support.allowed import allows
from tests.support.tool_schemas import check_tool_schema


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Options(TypedDict, total=False):
    depth: int
    names: list[str]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    friend: Cat | None = None


class Tree(BaseModel):
    name: str
    children: list[Tree] = Field(default_factory=list)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 1


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: int = Field(1, alias="the a")


TYPES: dict[str, Any] = {
    each.__name__ if isinstance(each, type) else str(each): each
    for each in (
        str, int, float, bool, bytes, None, Any, list, dict, set, tuple, object,
        datetime.datetime, datetime.date, datetime.time, datetime.timedelta,
        decimal.Decimal, uuid.UUID, pathlib.Path, re.Pattern,
        ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv4Interface,
        pydantic.AnyUrl, pydantic.HttpUrl, pydantic.SecretStr, pydantic.Json, pydantic.Base64Bytes, pydantic.ByteSize,
        pydantic.PositiveInt, pydantic.NonNegativeFloat, pydantic.StrictBool, pydantic.FilePath, pydantic.PastDate,
        Colour, Size, Point, Options, Cat, Tree, Open, Closed, Cat | Dog,
        Annotated[Cat | Dog, Field(discriminator="kind")],
        Literal["a", 1, None, True], list[int], set[str], frozenset[int], tuple[int, str], tuple[int, ...],
        dict[str, int], dict[Colour, int], dict[int, str], dict[str, list[Tree]], int | str | None,
        Annotated[str, Field(min_length=1, max_length=80, pattern="^[a-z]+$")],
        Annotated[str, Field(pattern=r"^(?:[a-z]|\d)\w{2,}$")],
        Annotated[int, Field(ge=-(2**63), le=2**63 - 1)],
        Annotated[int, Field(ge=0, lt=2**64)],
        Annotated[int, Field(multiple_of=5, gt=0)],
        Annotated[float, Field(ge=-1.7976931348623157e308, le=1.7976931348623157e308)],
        Annotated[decimal.Decimal, Field(max_digits=9, decimal_places=2)],
        Annotated[list[int], Field(min_length=2, max_length=3)],
        Annotated[dict[Annotated[str, Field(pattern="^x_")], int], Field(max_length=4)],
    )
}  # fmt: skip

WAYS: dict[str, Callable[[Any], Any]] = {
    "required": lambda of: (of, ...),
    "optional": lambda of: (of if of is None else of | None, None),
    "described": lambda of: (Annotated[of, Field(description="What it is", examples=["x"])], ...),
    "list": lambda of: (GenericAlias(list, (of,)), Field(default_factory=list, max_length=9)),
    "dict": lambda of: (GenericAlias(dict, (str, of)), ...),
    "nested": lambda of: (create_model("Inner", inner=(of, ...)), ...),
}


def schemas() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, of in TYPES.items():
        for way, made in WAYS.items():
            model = create_model("Arguments", value=typing.cast("Any", made(of)), other=(str, "x"))
            yield f"{way} {name}", model.model_json_schema()


CORPUS = dict(schemas())


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 300


@pytest.mark.parametrize("way", WAYS)
def test_no_schema_of_pydantic_is_refused_as_a_tools(way: str) -> None:
    for name, schema in CORPUS.items():
        if name.startswith(way):
            check_tool_schema(schema)


def test_most_schemas_of_pydantic_are_followed_to_the_letter() -> None:
    for name in ("required int", "list Cat", "optional Colour", "nested Tree", "dict Path", "required Closed"):
        assert from_json_schema(CORPUS[name]), name
    grammar = from_json_schema(CORPUS["required Cat"])
    assert allows(grammar, '{"value": {"kind": "cat"}}')
    assert not allows(grammar, '{"value": {"kind": "cat", "tail": 1}}')
    grammar = from_json_schema(CORPUS["required Open"])
    assert allows(grammar, '{"value": {"a": 1, "more": 2}}')
