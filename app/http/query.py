"""Arguments of a query, read strictly."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request

from tasks.errors import InvalidRequest


def integer(name: str, default: int, least: int, most: int) -> int:
    """A whole number; raises InvalidRequest for anything else."""
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise InvalidRequest(f"{name} must be a whole number from {least} to {most}.", param=name)
    return int(text)


def flag(name: str) -> bool:
    """True or false, which it is if left out; raises InvalidRequest for anything else."""
    text = request.args.get(name, "false").lower()
    if text not in ("true", "false"):
        raise InvalidRequest(f"{name} must be true or false.", param=name)
    return text == "true"


def choice(name: str, default: str, among: Sequence[str]) -> str:
    """One of some words; raises InvalidRequest for anything else."""
    text = request.args.get(name, default)
    if text not in among:
        raise InvalidRequest(f"{name} must be {' or '.join(among)}.", param=name)
    return text
