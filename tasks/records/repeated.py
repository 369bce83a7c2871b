"""Requests that ask the same, and whose answers are the same as well. Pure functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from tasks.records.job import Operation
from tasks.records.sampling import SamplingParams

_SHOWN: Final = frozenset({"service_tier", "response"})
"""Fields of a job's request that are told again, and do not reach the model."""


def digest_of(model: str, operation: Operation, request: Mapping[str, Any]) -> str | None:
    """What a job asks of a model, in 32 hexadecimal digits; None if the same may be answered otherwise the next time.

    Args:
        request: that of the job, so with all that the catalogue or a default has filled in. The order of names
            counts: a template writes the properties of a schema as they stand, and so may answer otherwise.
    """
    if operation.generates:
        sampling = _sampling(request["sampling"])
        if sampling is None:
            return None
        request = {**request, "sampling": sampling}
    elif not operation.needs_slot:
        return None
    asked = {name: value for name, value in request.items() if name not in _SHOWN}
    text = json.dumps([model, operation.value, asked], ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _sampling(written: Mapping[str, Any]) -> dict[str, Any] | None:
    """What of the sampling changes an answer that is drawn by a seed somebody named, or not drawn; else None."""
    params = SamplingParams.decode(written)
    if params.draws and not params.seeded:
        return None
    left_out = {"seeded"} if params.draws else {"seeded", "seed"}
    return {name: value for name, value in written.items() if name not in left_out}
