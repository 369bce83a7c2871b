"""Models' names as Ollama has them, with a tag."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from app.access.caller import catalogue

LATEST = ":latest"
"""The tag of a name without one."""


def own_name(name: str, models: Container[str]) -> str:
    """The name, or alias, by which a model is in the catalogue."""
    return name if name in models else name.removesuffix(LATEST)


def with_tag(name: str) -> str:
    """A model's name as it is listed."""
    return name if ":" in name else name + LATEST


def as_ours(sent: dict[str, Any]) -> dict[str, Any]:
    """A body that names its model as the catalogue does."""
    name = sent.get("model")
    return {**sent, "model": own_name(name, catalogue().names)} if isinstance(name, str) else sent
