"""The adapters with which a job's text is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Adapters = tuple[tuple[str, float], ...]
"""Names, each with the scale of what it adds; in the order of the names, none with the scale 0."""
KEY = "adapters"
"""Of a job's request."""


def together(adapters: Iterable[tuple[str, float]]) -> Adapters:
    """The same for everybody who asks for the same; one that adds nothing is none."""
    return tuple(sorted((name, float(scale)) for name, scale in adapters if scale))


def of_request(request: Mapping[str, Any]) -> Adapters:
    """Those that a job's request names."""
    return tuple((str(name), float(scale)) for name, scale in request.get(KEY, ()))


def names(adapters: Adapters) -> str:
    """Their names, with blanks between them, as the ledger compares them."""
    return " ".join(name for name, _ in adapters)
