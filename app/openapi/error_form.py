"""The form in which a call tells its failures: each API has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from caravan_client.server_errors import WireError
from tasks.error_wire import ErrorAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorForm:
    """How failures are told.

    ``schema`` is the type of the JSON, and ``body`` makes it, of an error and the status it is told under. ``statuses``
    has those that differ from the error's own, by these.
    """

    schema: Any
    body: Callable[[WireError, int], Any]
    statuses: Mapping[int, int] = field(default_factory=dict)

    def status(self, own: int) -> int:
        """The status under which an error of a status is told."""
        return self.statuses.get(own, own)


OPENAI = ErrorForm(schema=ErrorAnswer, body=lambda error, _: {"error": error})
"""The form of all calls that say nothing else."""
