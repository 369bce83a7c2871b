"""Where things are, as values."""

from __future__ import annotations

from typing import Final

LINKS: Final = {
    "console": "/",
    "docs": "/docs",
    "openapi": "/openapi.json",
    "readiness": "/readyz",
    "models": "/models",
}


def links(*, flower: bool) -> dict[str, str]:
    """The paths that there are, by what is there."""
    return {**LINKS, "flower": "/flower/"} if flower else dict(LINKS)
