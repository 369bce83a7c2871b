"""How many tokens a job may take, before any model has seen it. Pure functions."""

from __future__ import annotations

from typing import Any

from tasks.records.job import Job, Operation

BYTES = 4
"""Of text in UTF-8 to a token, about, in any script: the front does not tokenise."""

_READ = ("messages", "tools", "prompt", "input")


def tokens(job: Job, context: int) -> int:
    """The prompts, guessed from their length, and the longest answer to each that the job allows.

    No answer is longer than the model's context lets it be.
    """
    if not job.operation.needs_slot:
        return 0
    prompts = _prompts(job)
    sampling = job.request.get("sampling", {})
    most, limit = [max(1, context - prompt) for prompt in prompts], sampling.get("max_tokens")
    answers = most if limit is None else [min(limit, longest) for longest in most]
    return sum(prompts) + (sum(answers) * int(sampling.get("n", 1)) if job.operation.generates else 0)


def _prompts(job: Job) -> list[int]:
    if job.operation is Operation.RERANK:
        query = _size(job.request["query"])
        return [query + _size(document) for document in job.request["documents"]]
    read = {name: job.request[name] for name in _READ if name in job.request}
    several = read.get("prompt", read.get("input"))
    return [_size(one) for one in several] if isinstance(several, list) else [_size(read)]


def _size(value: Any) -> int:
    """The tokens of a text, of token ids, or of all that an object holds."""
    match value:
        case str():
            return -(-len(value.encode(errors="surrogatepass")) // BYTES)
        case int():
            return 1
        case list():
            return sum(map(_size, value))
        case dict():
            return sum(map(_size, value.values()))
        case _:
            return 0
