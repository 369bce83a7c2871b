"""What became of a row: its answer, or why it has none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from caravan_client import Job
from tasks.errors import CaravanError, EngineFailure, JobTimeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A row's text, or the code and the message of its failure; and the tokens that it took."""

    text: str = ""
    finish_reason: str = ""
    code: str = ""
    message: str = ""
    passing: bool = False
    """Whether the failure is not the row's own fault: asked again, it may well be answered."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    asks: str = ""
    """The mark of what was asked, by which a changed question is found; nothing for a row that could not be asked."""
    fixed: bool = False
    """Whether it stays whatever is asked now, since others alone are to be asked again."""

    @property
    def failed(self) -> bool:
        return bool(self.code)

    @classmethod
    def of(cls, job: Job) -> Self:
        """That of a job that has ended."""
        if error := job.error:
            return cls.failure(error)
        usage = job.raw["usage"]
        return cls(
            text=job.text,
            finish_reason=job.finish_reason,
            prompt_tokens=usage["prompt_tokens"],
            completion_tokens=usage["completion_tokens"],
        )

    @classmethod
    def failure(cls, error: CaravanError) -> Self:
        passing = isinstance(error, EngineFailure | JobTimeout) or error.code.startswith("job_")
        return cls(code=error.code, message=error.message, passing=passing)

    def encode(self) -> dict[str, Any]:
        marks: dict[str, Any] = {"asks": self.asks} if self.asks else {}
        if self.fixed:
            marks["fixed"] = True
        if self.failed:
            return {"code": self.code, "message": self.message, **marks}
        tokens = [self.prompt_tokens, self.completion_tokens]
        return {"text": self.text, "finish_reason": self.finish_reason, "tokens": tokens, **marks}

    @classmethod
    def decode(cls, body: dict[str, Any]) -> Self:
        asks, fixed = body.get("asks", ""), body.get("fixed", False)
        if "code" in body:
            return cls(code=body["code"], message=body["message"], asks=asks, fixed=fixed)
        prompt, completion = body["tokens"]
        return cls(
            text=body["text"],
            finish_reason=body["finish_reason"],
            prompt_tokens=prompt,
            completion_tokens=completion,
            asks=asks,
            fixed=fixed,
        )


def line(row: int, answer: Answer) -> bytes:
    """A row's answer as a line of the journal."""
    return json.dumps({"row": row, **answer.encode()}, separators=(",", ":")).encode() + b"\n"


def read_line(text: bytes, row: int) -> Answer | None:
    """The answer in a line of the journal; None if it is not the whole line of that row."""
    if not text.endswith(b"\n"):
        return None
    try:
        body = json.loads(text)
        return Answer.decode(body) if body["row"] == row else None
    except (ValueError, KeyError, TypeError):
        return None
