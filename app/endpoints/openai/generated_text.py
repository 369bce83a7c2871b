"""What a job's generated text means: its content, its reasoning and its tool calls. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tasks.answers.parser import Answer, AnswerParser, parse
from tasks.answers.syntax import Syntax
from tasks.records.job import Job


def answer(job: Job, text: str) -> Answer:
    """A finished choice's text, taken apart."""
    syntax = job.outcome.syntax if job.outcome else ""
    return parse(text, Syntax.decode(syntax), _functions(job), reasoning=_splits_reasoning(job))


def answer_parser(job: Job, syntax: str) -> AnswerParser:
    """What takes a choice's text apart while it comes."""
    return AnswerParser(Syntax.decode(syntax), _functions(job), reasoning=_splits_reasoning(job))


def call_id(job: Job, choice: int, call: int) -> str:
    """The id of a tool call: the same however often its stream is read."""
    digest = hashlib.blake2b(f"{job.id}:{choice}:{call}".encode(), digest_size=12).hexdigest()
    return f"call_{digest}"


def _functions(job: Job) -> dict[str, Mapping[str, Any]]:
    if job.request.get("tool_choice") == "none":
        return {}
    return {tool["name"]: tool.get("parameters") or {} for tool in job.request.get("tools", ())}


def _splits_reasoning(job: Job) -> bool:
    return bool(job.request.get("reasoning_format", "auto") != "none")
