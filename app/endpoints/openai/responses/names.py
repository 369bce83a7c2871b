"""Names of tools: a tool of a namespace has a name of its own, and the model knows it by both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def told_name(name: str, namespace: str | None) -> str:
    """What the model calls a function: those of namespaces are told apart by the namespace's name."""
    return f"{namespace}.{name}" if namespace else name


def own_name(told: str, echoed: Iterable[Mapping[str, Any]]) -> tuple[str, str | None]:
    """A function's own name and its namespace, if it has one, by the name that the model knows."""
    for tool in echoed:
        if tool["type"] == "namespace":
            for function in tool["tools"]:
                if told_name(function["name"], tool["name"]) == told:
                    return function["name"], tool["name"]
    return told, None
