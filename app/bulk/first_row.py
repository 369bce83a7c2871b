"""Whether what is asked of all rows can be asked at all: found out with one of them, before there are others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from app.bulk.errors import Refused
from caravan_client import AsyncClient, Job
from tasks.errors import (
    CaravanError,
    ChatTemplateMissing,
    ContextLengthExceeded,
    InvalidRequest,
    ModelNotFound,
    RequestTooLarge,
)

_OF_THE_ROW = frozenset({"messages", "prompt", "input", "None"})
"""Fields of a body that a row fills. Where one is refused, it may be the row's own fault."""
_LIMITS = ("max_tokens", "max_completion_tokens")
_OPTIONS = {"response_format": "--schema", "model": "--model"}
_NAMED = frozenset({"max_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "stop"})


async def check(client: AsyncClient, body: Mapping[str, Any], *, key: str, one_system: bool) -> None:
    """Submit a row, and wait until its answer begins. Raises Refused if no row can be asked so.

    The row's job goes on, and is had by its idempotency key. A row that may be refused by its own fault is followed by
    a question in two letters with the same options.

    Args:
        one_system: whether the system message is the same for all rows.
    """
    row = _Trial(client, body, key)
    error = await row()
    if isinstance(error, ModelNotFound):
        raise Refused(error.message)
    if not isinstance(error, InvalidRequest | RequestTooLarge):
        return
    if isinstance(error, ChatTemplateMissing):
        await row.forget()
        raise Refused(f"{error.message} The option for this is --raw.")
    if isinstance(error, ContextLengthExceeded) or str(error.param).split(".")[0] in _OF_THE_ROW:
        plain = _Trial(client, _plain(body, one_system=one_system), f"{key}-plain")
        try:
            error = await plain()
        finally:
            await plain.forget()
    if isinstance(error, InvalidRequest | RequestTooLarge):
        await row.forget()
        raise Refused(f"No row can be asked so: {error.message.rstrip('.')}.{_option(error)} No row was asked.")


class _Trial:
    """A body, asked to see whether it can be."""

    def __init__(self, client: AsyncClient, body: Mapping[str, Any], key: str) -> None:
        self._client, self._body, self._key = client, dict(body), key
        self._job: Job | None = None

    async def __call__(self) -> CaravanError | None:
        """Why it has no answer, as soon as that is known; None if its answer has begun."""
        try:
            self._job = await self._client.submit(self._body, idempotency_key=self._key)
            async for event in self._client.stream(self._job):
                if event.kind == "token":
                    return None
                if event.kind == "done":
                    return event.job.error
        except CaravanError as exc:
            return exc
        return None

    async def forget(self) -> None:
        """Delete its job."""
        if self._job:
            with suppress(CaravanError):
                await self._client.delete([self._job])


def _plain(body: Mapping[str, Any], *, one_system: bool) -> dict[str, Any]:
    """The same options with next to nothing to answer."""
    plain = {name: value for name, value in body.items() if name != "webhook"}
    if "messages" in plain:
        system = [each for each in plain["messages"][:1] if each.get("role") in ("system", "developer")]
        system = system if one_system else [{**each, "content": "Hi"} for each in system]
        plain["messages"] = [*system, {"role": "user", "content": "Hi"}]
    if "prompt" in plain:
        plain["prompt"] = "Hi"
    given = [name for name in _LIMITS if plain.get(name) is not None] or ["max_tokens"]
    return plain | dict.fromkeys(given, 1)


def _option(error: CaravanError) -> str:
    """By which option the field at fault is given."""
    field = str(error.param).split(".")[0]
    if field in _OF_THE_ROW:
        return ""
    named = f"--{field.replace('_', '-')}" if field in _NAMED else f"--set {field}"
    return f" Correct {_OPTIONS.get(field, named)}."
