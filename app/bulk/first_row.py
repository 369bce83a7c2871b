"""Whether what is asked of all rows can be asked at all: found out with one request, before there are others."""

from __future__ import annotations

import asyncio
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
TRIAL_SECONDS = 5.0
"""How long a command that does not wait for answers waits for this one."""


async def check(client: AsyncClient, body: Mapping[str, Any], *, key: str, one_system: bool) -> None:
    """Submit a row, and wait until its answer begins. Raises Refused if no row can be asked so.

    The row's job goes on, and is had by its idempotency key. A row that may be refused by its own fault is followed by
    a question in two letters with the same options.

    Args:
        one_system: whether the system message is the same for all rows.
    """
    row = _Trial(client, body, key)
    error = await row()
    if _may_be_of_the_row(error):
        plain = _Trial(client, _plain(body, one_system=one_system), f"{key}-plain")
        try:
            error = await plain()
        finally:
            await plain.forget()
    if refused := _refusal(error):
        await row.forget()
        raise refused


async def check_options(client: AsyncClient, path: str, body: Mapping[str, Any], *, one_system: bool) -> None:
    """Ask an endpoint a question in two letters with the options of a row's body. Raises Refused as `check` does.

    Where the model has no time for it, nothing is known, and nothing is raised. Its job does not outlive the call.
    """
    with suppress(TimeoutError):
        try:
            async with asyncio.timeout(TRIAL_SECONDS):
                await client.call("POST", path, body=_plain(body, one_system=one_system))
        except CaravanError as exc:
            if refused := _refusal(exc):
                raise refused from exc


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


def _may_be_of_the_row(error: CaravanError | None) -> bool:
    """Whether it may be the row's own fault, so that it tells nothing of the options."""
    if not isinstance(error, InvalidRequest | RequestTooLarge) or isinstance(error, ChatTemplateMissing):
        return False
    return isinstance(error, ContextLengthExceeded) or _field(error) in _OF_THE_ROW


def _refusal(error: CaravanError | None) -> Refused | None:
    """What is told of an error by which no row can be asked; None if it says nothing of the others."""
    if isinstance(error, ModelNotFound):
        return Refused(error.message)
    if isinstance(error, ChatTemplateMissing):
        return Refused(f"{error.message} The option for this is --raw.")
    if isinstance(error, InvalidRequest | RequestTooLarge):
        return Refused(f"No row can be asked so: {_sentence(error.message)}{_option(error)} No row was asked.")
    return None


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?")) else f"{message}."


def _field(error: CaravanError) -> str:
    """The field of the body that is at fault."""
    return str(error.param).split(".")[0]


def _option(error: CaravanError) -> str:
    """By which option the field at fault is given."""
    field = _field(error)
    if field in _OF_THE_ROW:
        return ""
    named = f"--{field.replace('_', '-')}" if field in _NAMED else f"--set {field}"
    return f" Correct {_OPTIONS.get(field, named)}."
