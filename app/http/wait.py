"""How long a client would have its answer held back."""

from __future__ import annotations

import contextlib

from flask import request

from app.services.services import services
from tasks.errors import InvalidRequest


def wait_argument() -> float:
    """Seconds of ``?wait=N``; raises InvalidRequest for anything else."""
    return _seconds(request.args.get("wait", "0"), "wait")


def prefer_wait() -> float:
    """Seconds of ``Prefer: wait=N`` (RFC 7240, section 4.3); other preferences are not ours to judge."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait":
            with contextlib.suppress(InvalidRequest):  # a preference that is not understood is ignored
                return _seconds(value.partition(";")[0].strip().strip('"'), "Prefer")
    return 0.0


def _seconds(text: str, param: str) -> float:
    """Seconds to wait; more than the server allows counts as what it allows."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise InvalidRequest("wait must be a number of seconds, 0 or more.", param=param)
    return min(seconds, services().settings.max_wait_seconds)
