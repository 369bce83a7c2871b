"""What ``/v1/streams/lookup`` is asked with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.bodies.part import Part
from app.endpoints.openai.conversation import LONGEST

MOST = 100


class LookupBody(Part):
    """Conversations whose streams are looked for."""

    conversation_ids: Annotated[
        list[Annotated[str, Field(max_length=LONGEST)]],
        Field(max_length=MOST, description="Ids. One also stands for itself with `::` and a model behind it."),
    ]
