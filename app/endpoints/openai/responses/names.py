"""Names of tools: a tool of a namespace has a name of its own, and the model knows it by both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def name_for_model(name: str, namespace: str | None) -> str:
    """What the model calls a function: those of namespaces are told apart by the namespace's name."""
    return f"{namespace}.{name}" if namespace else name


def own_name(name: str, echoed: Iterable[Mapping[str, Any]]) -> tuple[str, str | None]:
    """A function's own name and its namespace, if it has one, by the name that the model knows."""
    for tool in echoed:
        if tool["type"] == "namespace":
            for function in tool["tools"]:
                if name_for_model(function["name"], tool["name"]) == name:
                    return function["name"], tool["name"]
    return name, None
