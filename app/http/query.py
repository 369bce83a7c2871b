"""Arguments of a query, read strictly: what a call's description does not tell of is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flask import Flask, request

from app.openapi.describe import Description, is_entry
from tasks.errors import InvalidRequest
from tasks.texts import nearest, shown

LATEST = 10**11
"""Seconds since 1970: no time is later."""


def install(app: Flask, calls: Mapping[str, Description]) -> None:
    """Refuse a query parameter that the document does not name at its call, so that none is ignored in silence.

    To be installed after keys are asked for: who may not call is told nothing of the call.
    """

    @app.before_request
    def refuse_unknown() -> None:
        says = calls.get(request.endpoint or "")
        if says is None or says.any_query or request.method == "OPTIONS":
            return
        for name in request.args:
            if not says.takes(name):
                raise _unknown(name, says)


def _unknown(name: str, says: Description) -> InvalidRequest:
    known = [parameter.name for parameter in says.parameters if parameter.where == "query"]
    near = nearest(name, known)
    hint = f"Did you mean '{near}'?" if near else f"It has {', '.join(known)}." if known else "It has none."
    call = f"{request.method} {request.url_rule}"
    return InvalidRequest(
        f"'{shown(name)}' is not a query parameter of {call}. {hint}", param=name, code="unknown_parameter"
    )


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


def array(name: str) -> list[str]:
    """The items of an array, as ``name=a&name=b`` or, as OpenAI's clients send it, ``name[]=a&name[]=b``."""
    return request.args.getlist(name) + request.args.getlist(f"{name}[]")


def time(name: str) -> float | None:
    """Seconds since the epoch, `LATEST` at most; None if left out. Raises InvalidRequest for anything else."""
    text = request.args.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) or float(text) > LATEST:
        raise InvalidRequest(f"{name} must be a time in whole seconds since 1970.", param=name)
    return float(text)


def entries(name: str, most: int) -> dict[str, str]:
    """An object of texts, as ``name[key]=value`` (OpenAPI's ``deepObject``); raises InvalidRequest for too many."""
    found = {sent[len(name) + 1 : -1]: value for sent, value in request.args.items() if is_entry(sent, name)}
    if len(found) > most:
        raise InvalidRequest(f"{name} has {most} entries at most.", param=name)
    return found
