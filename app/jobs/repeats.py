"""Whether a request may have the answer of an earlier one, and leave its own for later ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import request
from werkzeug.datastructures import RequestCacheControl
from werkzeug.http import parse_cache_control_header

from tasks.models.catalogue import ModelEntry
from tasks.records.job import Operation, Repeat
from tasks.records.repeated import digest_of


def repeat_of(operation: Operation, model: str, entry: ModelEntry, asked: Mapping[str, Any]) -> Repeat | None:
    """By what a job's answer is found again; None if its model's are not kept, or it may be another the next time."""
    if entry.answer_cache is None:
        return None
    digest = digest_of(model, operation, asked)
    return Repeat(digest=digest, seconds=entry.answer_cache) if digest else None


def asked_repeat(repeat: Repeat | None) -> Repeat | None:
    """The same as the request's header ``Cache-Control`` wants it (RFC 9111, 5.2.1).

    ``no-cache`` and ``max-age=0`` take no answer that is kept already, ``no-store`` leaves none either. Their names may
    have capitals, for which werkzeug does not look.
    """
    said = request.headers.get("Cache-Control", "").lower()
    wanted = parse_cache_control_header(said, cls=RequestCacheControl)
    if repeat is None or wanted.no_store:
        return None
    return replace(repeat, looks=False) if wanted.no_cache or wanted.max_age == 0 else repeat
