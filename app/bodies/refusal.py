"""A refusal in an assistant's message of an earlier turn: what it said, though no answer of ours has one."""

from __future__ import annotations

from typing import Any, Literal

from app.bodies.part import Part, type_of
from app.http.errors import as_tag


class RefusalPart(Part):
    """One part of a message's content, in which the model refused to answer. To the model it is what it said."""

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        return self.refusal


REFUSAL, OTHER = as_tag("refusal"), as_tag("text")


def kind_of_part(part: Any) -> str:
    """The tag of a part of a message. An unknown one is judged as text, whose error names the types of text."""
    return REFUSAL if type_of(part) == "refusal" else OTHER
