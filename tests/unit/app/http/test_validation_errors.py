"""Pydantic's faults in a sentence that names the field."""

from __future__ import annotations

from typing import Any, Self

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from app.http.errors import from_validation
from tasks.errors import InvalidRequest


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    even: int = 0
    many: list[Inner] = []
    low: int = 0
    high: int = 0

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("an odd number")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is over high")
        return self


def fault(body: Any) -> InvalidRequest:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate(body)
    return from_validation(caught.value, Body)


def test_a_field_is_named_by_its_path() -> None:
    error = fault({"many": [{"number": 1}, {"number": "x"}]})
    assert error.param == "many.1.number"
    assert error.message.startswith("many.1.number: ")


def test_a_sentence_of_our_own_is_told_without_pydantics_words() -> None:
    assert fault({"even": 3}).message == "even: an odd number."


def test_a_fault_of_the_whole_body_names_no_field() -> None:
    error = fault({"low": 2, "high": 1})
    assert (error.param, error.message) == (None, "low is over high.")


@pytest.mark.parametrize(("body", "param"), [({"odd": 1}, "odd"), ({"many": [{"number": 1, "odd": 2}]}, "many.0.odd")])
def test_an_unknown_field_has_a_code_of_its_own(body: Any, param: str) -> None:
    error = fault(body)
    assert (error.param, error.code) == (param, "unknown_parameter")
    assert error.message == f"'{param}' is not a parameter of this call."


@pytest.mark.parametrize(
    ("body", "near"),
    [({"hihg": 1}, "high"), ({"many": [{"number": 1, "numbr": 2}]}, "number"), ({"Low": 1}, "low")],
)
def test_an_unknown_field_is_answered_with_the_nearest_one_beside_it(body: Any, near: str) -> None:
    assert fault(body).message.endswith(f" Did you mean '{near}'?")


def test_a_field_that_is_like_none_beside_it_is_answered_with_none() -> None:
    assert fault({"many": [{"number": 1, "high": 2}]}).message.endswith("is not a parameter of this call.")


def test_what_was_sent_is_not_repeated() -> None:
    assert "secret" not in fault({"low": "secret"}).message
