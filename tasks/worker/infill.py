"""From a text before a gap and one behind it to the prompt that has a model fill it, in llama-server's order.

``[repository] project [file] name, other texts ... [file] name [prefix] before [suffix] behind [middle]``: what the
model says next stands in the gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.engine.backend import Backend
from tasks.errors import InvalidRequest
from tasks.records.sampling import SamplingParams

WINDOW = 2048
"""Tokens at most that are taken around the gap, three of four from before it: llama-server's batch."""
_NEEDED = ("prefix", "suffix", "middle")
_AROUND = 5
"""The marks, the token that begins a prompt, and one of the answer."""
_PROJECT, _FILE, _UNNAMED = "myproject\n", "filename\n", "tmp"
_SNIPPET = "\n\n--- snippet ---\n\n"
"""What stands before another text, for models that know no token for files."""


def infill(asked: Mapping[str, Any], params: SamplingParams, backend: Backend) -> list[int]:
    """The tokens of the prompt. Of texts that are too long, what is nearest to the gap is taken.

    Args:
        asked: ``prefix`` and ``suffix``, ``begun`` (the beginning of what is to stand in the gap), and ``extra``, other
            texts, of which each has a ``text`` and may have a ``filename``.

    Raises:
        InvalidRequest: the vocabulary has no tokens for a gap.
    """
    marks = backend.infill_tokens
    if missing := [name for name in _NEEDED if name not in marks]:
        raise InvalidRequest(
            f"This model fills no gaps: its vocabulary has no token for the {' or the '.join(missing)}. "
            "Use a model that was made for it, or send a prompt to /completion."
        )

    def tokens(text: str) -> list[int]:
        return backend.tokenize(text, add_special=False, parse_special=False)

    begun = backend.tokenize(asked["begun"], add_special=False, parse_special=True)
    answer = backend.context // 4 if params.max_tokens is None else min(params.max_tokens, backend.context // 4)
    window = min(WINDOW, backend.context - answer - _AROUND)
    before = _last(tokens(_near(asked["prefix"], backend, end=True)), 3 * (window // 4))
    behind = tokens(_near(asked["suffix"], backend, end=False))[: max(0, window // 4 - 2 - len(begun))]
    extra: list[int] = []
    if "repository" in marks:
        extra += [marks["repository"], *tokens(_PROJECT)]
    for other in asked["extra"]:
        if "file" in marks:
            extra += [marks["file"], *tokens(f"{other.get('filename', _UNNAMED)}\n")]
        else:
            extra += tokens(_SNIPPET)
        extra += tokens(_near(other["text"], backend, end=True))
    if "file" in marks:
        extra += [marks["file"], *tokens(_FILE)]
    return [
        *_last(extra, max(0, backend.context - answer - _AROUND - len(before) - len(begun) - len(behind))),
        *backend.tokenize("", add_special=True, parse_special=False),
        *(marks["prefix"], *before, *begun),
        *(marks["suffix"], *behind),
        marks["middle"],
    ]


def _last(tokens: Sequence[int], count: int) -> Sequence[int]:
    return tokens[max(0, len(tokens) - count) :]


def _near(text: str, backend: Backend, *, end: bool) -> str:
    """The part of a text that may be taken, whatever its tokens are: no more is tokenised."""
    most = backend.context * backend.longest_piece
    return text[-most:] if end else text[:most]
