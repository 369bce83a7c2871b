"""What came of a job: its choices, its tokens, where its time went, and how far its webhook has come."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from pydantic_core import from_json

from tasks.records import json_parts
from tasks.records.logprobs import EncodedLogprobs, TokenLogprobs, in_json
from tasks.records.version import known


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One finished sequence of a job."""

    index: int
    text: str
    finish_reason: str
    logprobs: Collection[TokenLogprobs] | None = None
    """If they were asked for; those of the prompt's tokens first, if these were."""
    prompt: str = ""
    """The text of a prompt of token ids, if it is to be echoed."""
    stop_string: str = ""
    """The stop string that ended it, if one did."""

    def encode(self) -> str:
        body: dict[str, Any] = {"index": self.index, "text": self.text, "finish_reason": self.finish_reason}
        if self.prompt:
            body["prompt"] = self.prompt
        if self.stop_string:
            body["stop_string"] = self.stop_string
        told = json_parts.written(body)
        return told if self.logprobs is None else json_parts.with_member(told, "logprobs", in_json(self.logprobs))

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        encoded = body.get("logprobs")
        logprobs = None if encoded is None else EncodedLogprobs(encoded)
        return cls(**{**known(cls, body), "logprobs": logprobs})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Where a job's time went, in seconds; those of the attempt that ended it."""

    queue_seconds: float
    """From its acceptance until its first sequence had a slot."""
    prefill_seconds: float
    """From then until its first token."""
    decode_seconds: float
    """From its first token until its last."""
    tokens_per_second: float | None
    """While it decoded."""
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    """Of those that were drafted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that a job read and wrote. Of the prompt's, `cached_tokens` were shared and not computed again."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    answer_cached: bool = False
    """Whether the answer is that of an earlier job, so that nothing was computed."""

    def repeated(self) -> Self:
        """The same of a later job that is given the answer: no token is computed again."""
        return replace(self, cached_tokens=self.prompt_tokens, answer_cached=True)

    def encode(self) -> dict[str, int]:
        """As records have it: what is False is not written."""
        return {name: value for name, value in asdict(self).items() if value is not False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a worker writes down at the end of a job that succeeded."""

    choices: tuple[Choice, ...]
    usage: Usage
    timings: Timings | None = None
    syntax: str = ""
    """How the model writes tool calls and reasoning, as `tasks.answers.syntax.Syntax.encode` wrote it."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What an operation that generates no tokens gave."""

    def encode(self) -> str:
        timings = asdict(self.timings) if self.timings else None
        body: dict[str, Any] = {"usage": self.usage.encode(), "timings": timings}
        more = {"syntax": self.syntax, "data": self.data}
        told = json_parts.written(body | {key: value for key, value in more.items() if value})
        return json_parts.with_member(told, "choices", json_parts.array(choice.encode() for choice in self.choices))

    def repeated(self) -> Self:
        """The same as the answer of a later job, which took no time."""
        none = Timings(queue_seconds=0.0, prefill_seconds=0.0, decode_seconds=0.0, tokens_per_second=None)
        return replace(self, usage=self.usage.repeated(), timings=none)

    @classmethod
    def decode(cls, text: str) -> Self:
        body = from_json(text)
        return cls(
            choices=tuple(map(Choice.decode, body["choices"])),
            usage=Usage(**known(Usage, body["usage"])),
            timings=Timings(**known(Timings, body["timings"])) if body.get("timings") else None,
            syntax=body.get("syntax", ""),
            data=body.get("data", {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far it has come with telling a job's webhook of its end."""

    status: Literal["pending", "delivered", "failed"] = "pending"
    attempts: int = 0
    """Those that are over."""
    next_at: int | None = None
    last_status: int | None = None
    """Of the last attempt's answer."""
    last_error: str | None = None
    """Why the last attempt had none."""
