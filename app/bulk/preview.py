"""The first rows of a run as they would be asked, and their answers as they would be written. Writes no file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.bulk.answer import Answer
from app.bulk.asking import Question, RowError
from app.bulk.columns import AnswerColumns, Filled
from app.bulk.row_groups import Row
from caravan_client import Job

INDENT = "  "


@dataclass(frozen=True, slots=True)
class Previewed:
    """A row: its job's body, or why it cannot be asked."""

    body: Mapping[str, Any] | None
    failure: Answer | None = None

    @classmethod
    def of(cls, row: Row, asks: Question) -> Previewed:
        try:
            return cls(asks.body(row))
        except RowError as exc:
            return cls(None, Answer(code=exc.code, message=str(exc)))

    def asked(self) -> Iterator[str]:
        """What is asked, in lines."""
        if self.body is None:
            return
        if "prompt" in self.body:
            yield from _texts("prompt", self.body["prompt"])
        for message in self.body.get("messages", ()):
            yield from _texts(str(message.get("role")), message.get("content"))


def answer_of(job: Job, columns: AnswerColumns) -> Answer:
    """What a run would make of a job that has ended."""
    answer = Answer.of(job)
    try:
        if not answer.failed:
            columns.check(answer)
    except RowError as exc:
        return Answer(code=exc.code, message=str(exc))
    return answer


def answered(answer: Answer, columns: AnswerColumns) -> Iterator[str]:
    """What would be written of an answer, in lines."""
    if answer.failed:
        yield from _texts(f"failed, {answer.code}", answer.message)
        return
    values = columns.values(answer)
    for name in columns.schema.names[: 1 if columns.filled is Filled.TEXT else None]:
        yield from _texts(name, values[name])
    yield f"({answer.finish_reason}; {answer.prompt_tokens} tokens read, {answer.completion_tokens} written)"


def _texts(name: str, value: Any) -> Iterator[str]:
    """A name with its value: behind it if that has one line, else below."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    lines = [_printable(line) for line in text.split("\n")]
    if len(lines) == 1:
        yield f"{name}: {lines[0]}"
        return
    yield f"{name}:"
    yield from (INDENT + line for line in lines)


def _printable(line: str) -> str:
    """A line that does nothing to a terminal but show itself."""
    return "".join(each if each.isprintable() or each == "\t" else ascii(each)[1:-1] for each in line)
