"""A sequence takes its next token: one that was sampled here, or one that an earlier worker chose."""

from __future__ import annotations

from tasks.engine.backend import Backend
from tasks.engine.sequence import Sequence


def ends(sequence: Sequence, token: int, backend: Backend) -> bool:
    """Whether a token ends the sequence's answer."""
    return backend.is_end(token) and not sequence.params.ignore_eos


def take(sequence: Sequence, token: int, backend: Backend) -> str:
    """Give a sequence its next token, or one that an earlier worker chose; the text that may be shown because of it."""
    return sequence.extend(token, backend.piece(token), ends=ends(sequence, token, backend))
