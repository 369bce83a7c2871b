"""A prompt as it is told before its answer, to those who ask for an echo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.engine.backend import Vocabulary
from tasks.errors import InvalidRequest
from tasks.records.sampling import SamplingParams
from tasks.records.size import MOST_LOGPROBS
from tasks.worker.inputs import Prompt


@dataclass(frozen=True, slots=True)
class Echo:
    """A prompt: the bytes of each of its tokens, and its text if that is to be told and was not sent."""

    tokens: list[int]
    pieces: list[bytes]
    text: str


def echo(prompt: Prompt | dict[str, Any], tokens: list[int], vocabulary: Vocabulary) -> Echo:
    """The echo of a prompt that has these tokens.

    The pieces of a prompt that was sent as text are those of that text: what the tokenizer adds before it, such as the
    token that begins a prompt or SentencePiece's space, has no bytes.
    """
    pieces = [vocabulary.detokenize([token]) for token in tokens]
    whole = b"".join(pieces)
    if not isinstance(prompt, str):
        return Echo(tokens, pieces, whole.decode(errors="replace"))
    added = len(whole) - len(prompt.encode()) if whole.endswith(prompt.encode()) else 0
    return Echo(tokens, _without(pieces, added), "")


def check_size(prompts: list[list[int]], params: SamplingParams) -> None:
    """Raise InvalidRequest for prompts of which too much would have to be told."""
    count = sum(map(len, prompts)) * params.n * (1 + (params.logprobs or 0)) if params.prompt_logprobs else 0
    if count > MOST_LOGPROBS:
        raise InvalidRequest(
            f"echo with logprobs would tell {count} logarithms of these prompts, and {MOST_LOGPROBS} is the most. "
            "Send fewer prompts in a request, or ask for fewer logprobs.",
            param="logprobs",
        )


def _without(pieces: list[bytes], count: int) -> list[bytes]:
    """The pieces with so many bytes of their beginning left out."""
    kept = []
    for piece in pieces:
        kept.append(piece[count:])
        count = max(0, count - len(piece))
    return kept
