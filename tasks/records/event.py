"""What a job's stream carries.

Every event has a cursor, ``<fence>-<seq>``. A transition raises the fence and is event 0 of it; the tokens that a
worker decodes under that fence follow as 1, 2, 3 ... So the order of cursors is the order of the stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

from tasks.records import json_parts
from tasks.records.logprobs import TokenLogprobs, WrittenToken
from tasks.records.version import known

TELLS_PROGRESS = "tells_progress"
"""The field of a job's request by which its stream tells how far a prompt has been read."""
TELLS_TIMES = "tells_times"
"""The field of a job's request by which each piece of its stream tells how long it took so far."""
_CURSOR = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")


class Cursor(NamedTuple):
    """A place in a job's stream; it compares as the stream orders. A fence is when it was made, in milliseconds."""

    fence: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``<fence>-<seq>``; raises ValueError for anything else."""
        match = _CURSOR.fullmatch(text)
        if not match:
            raise ValueError(f"not a cursor: {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.fence}-{self.seq}"

    @property
    def at(self) -> float:
        """When its transition was, in seconds since the epoch."""
        return self.fence / 1000

    def precedes(self, other: Cursor) -> bool:
        """Whether `other` is known to be the very next event, with none between."""
        return other == Cursor(self.fence, self.seq + 1)


START = Cursor(0, 0)


@dataclass(frozen=True, slots=True)
class Event:
    """One event: a status, how far a prompt is read, a piece of one choice's text with its token ids, or the end."""

    cursor: Cursor
    type: Literal["status", "progress", "token", "done"]
    status: str = ""
    worker: str = ""
    """Of a status: who has begun the job."""
    reason: str = ""
    """Of a status: why the job waits again."""
    index: int = 0
    text: str = ""
    tokens: tuple[int, ...] = ()
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprobs, ...] = ()
    syntax: str = ""
    """Of a choice's first piece: how the model writes tool calls and reasoning, if it does."""
    prompt_tokens: int = 0
    """Of a choice's first piece: how many its prompt has."""
    cached_tokens: int = 0
    """Of a choice's first piece: how many of these were computed before."""
    stop_string: str = ""
    """Of a choice's last piece: the stop string that ended it, if one did."""
    prompt: str = ""
    """Of a choice's first piece: the text of its prompt, if it is to be told."""
    processed_tokens: int = 0
    """Of a progress: how many tokens of the prompt are there by now."""
    seconds: float = 0.0
    """Of a progress: since the prompt has a slot."""
    prefill_seconds: float = 0.0
    """Of a piece, if it is asked for: under this fence, from the slot until the first token."""
    decode_seconds: float = 0.0
    """Of a piece, if it is asked for: from that token until the piece's last."""

    @classmethod
    def decode(cls, cursor: str, body: dict[str, Any]) -> Self:
        values = known(cls, body)
        if "tokens" in values:
            values["tokens"] = tuple(values["tokens"])
        if "logprobs" in values:
            values["logprobs"] = tuple(map(TokenLogprobs.decode, values["logprobs"]))
        return cls(Cursor.parse(cursor), **values)


def encode_token(
    *,
    index: int,
    text: str,
    tokens: list[int],
    finish_reason: str | None,
    logprobs: Iterable[WrittenToken] = (),
    syntax: str = "",
    prompt_tokens: int = 0,
    cached_tokens: int = 0,
    prompt: str = "",
    stop_string: str = "",
    prefill_seconds: float = 0.0,
    decode_seconds: float = 0.0,
) -> str:
    """The stored form of a token event; its cursor is the entry's id."""
    body: dict[str, Any] = {"type": "token", "index": index, "text": text, "tokens": tokens}
    if finish_reason:
        body["finish_reason"] = finish_reason
    if syntax:
        body["syntax"] = syntax
    if prompt_tokens:
        body["prompt_tokens"] = prompt_tokens
    more = {"cached_tokens": cached_tokens, "prompt": prompt, "stop_string": stop_string}
    more |= {"prefill_seconds": round(prefill_seconds, 4), "decode_seconds": round(decode_seconds, 4)}
    body |= {name: value for name, value in more.items() if value}
    told, written = json_parts.written(body), [token.json for token in logprobs]
    return json_parts.with_member(told, "logprobs", json_parts.array(written)) if written else told


def encode_progress(
    *, index: int, prompt_tokens: int, cached_tokens: int, processed_tokens: int, seconds: float
) -> str:
    """The stored form of a progress. It begins as no other event does, by which the ledger knows it."""
    counts = {"prompt_tokens": prompt_tokens, "cached_tokens": cached_tokens, "processed_tokens": processed_tokens}
    return json_parts.written({"type": "progress", "index": index, **counts, "seconds": round(seconds, 4)})


def decode_message(payload: bytes | str) -> list[Event]:
    """Read what the ledger published: a JSON array of ``[cursor, event]``."""
    return [Event.decode(cursor, body) for cursor, body in json.loads(payload)]
