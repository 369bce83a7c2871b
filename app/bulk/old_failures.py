"""The columns in which an earlier run told why rows had failed: they are of that run, and not of the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.bulk.columns import FAILURE
from app.bulk.inputs import Input

CODES = frozenset({
    "answer_cut", "answer_invalid", "batch_cancelled", "batch_expired", "chat_template_missing",
    "context_length_exceeded",
    "deadline_exceeded", "engine_failure", "internal_error",
    "invalid_value", "job_cancelled", "job_not_found", "messages_invalid", "model_changed", "model_missing",
    "request_too_large", "template_error", "unknown_error", "unknown_parameter", "worker_died",
})  # fmt: skip
"""What a row may fail with. Other codes are waited out, or stop the run."""


def old_failures(source: Input, names: Sequence[str]) -> frozenset[str]:
    """Those columns of a file of failed rows; none of any other data.

    They are the last two, and the file is named as a run names it, or each row has a code that a row may fail with, or
    none where it was added by hand. So a user's own columns of these names stay.
    """
    pair = tuple(names[-2:])
    suffix = re.fullmatch(rf"{FAILURE[0]}((?:_\d+)?)", pair[0]) if len(pair) == 2 else None
    if suffix is None or pair[1] != FAILURE[1] + suffix[1]:
        return frozenset()
    named = all(part.path.stem.endswith(".failed") for part in source.parts)
    return frozenset(pair) if named or _has_codes(source, pair[0]) else frozenset()


def _has_codes(source: Input, name: str) -> bool:
    found = False
    for code in _values(source, name):
        if code in (None, ""):
            continue
        if code not in CODES:
            return False
        found = True
    return found


def _values(source: Input, name: str) -> Iterator[object]:
    for chunk in source.chunks():
        for row in chunk.rows():
            value = row.get(name)
            yield value if isinstance(value, str | None) else repr(value)
