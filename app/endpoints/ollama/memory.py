"""What ``/api/generate`` tells as ``context``: the conversation so far, which its next call may bring back. Pure.

To clients it is a list of numbers. Ollama's are token ids; these are the characters of the messages' JSON, since a
token says nothing to the front, and a worker of another model would read it wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from tasks.errors import InvalidRequest

LAST_CHARACTER = 0x10FFFF
_ROLES = ("system", "user", "assistant")
_TOLD = ("role", "content")


def encode(messages: Iterable[Mapping[str, Any]]) -> list[int]:
    """A conversation as numbers."""
    told = [[message[name] for name in _TOLD] for message in messages]
    return list(map(ord, json.dumps(told, ensure_ascii=False, separators=(",", ":"))))


def decode(numbers: Sequence[int]) -> list[dict[str, str]]:
    """The conversation again; raises InvalidRequest for numbers that are none."""
    try:
        told = from_json("".join(map(chr, numbers)).encode())
        if not all(role in _ROLES and isinstance(content, str) for role, content in told):
            raise ValueError("no conversation")
    except (ValueError, TypeError) as exc:
        raise InvalidRequest(
            "context: it is not what an answer of this server told. Send that unchanged, or leave it out.",
            param="context",
        ) from exc
    return [dict(zip(_TOLD, each, strict=True)) for each in told]
