"""What a job's generated text means: its content, its reasoning and its tool calls. Pure functions."""

from __future__ import annotations

import hashlib

from tasks.answers.parser import Answer, called_functions, parse, tells_reasoning_apart
from tasks.answers.syntax import Syntax
from tasks.records.job import Job


def answer(job: Job, text: str) -> Answer:
    """A finished choice's text, taken apart."""
    syntax = Syntax.decode(job.outcome.syntax if job.outcome else "")
    return parse(text, syntax, called_functions(job.request), reasoning=tells_reasoning_apart(job.request))


def call_id(job: Job, choice: int, call: int) -> str:
    """The id of a tool call: the same however often its stream is read."""
    digest = hashlib.blake2b(f"{job.id}:{choice}:{call}".encode(), digest_size=12).hexdigest()
    return f"call_{digest}"
