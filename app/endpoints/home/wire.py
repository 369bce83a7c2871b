"""What ``/`` answers with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict


class Home(TypedDict):
    """Where things are on this server."""

    object: Literal["home"]
    links: Annotated[dict[str, str], Field(description="Paths by what is there.")]
