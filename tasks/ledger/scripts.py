"""The ledger's Lua scripts, as they are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from typing import Any

import redis

from tasks.ledger.connection import refusals_as_absence
from tasks.ledger.histograms import BOUNDS

SHARED = ("keys", "figures", "hooks", "line", "models", "jobs")
"""Each knows those before it."""


class Scripts:
    """Runs scripts of ``tasks/ledger/lua`` by their names; what they share stands before each."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._registered: dict[str, Callable[..., Any]] = {}

    def __call__(self, name: str, *args: str | int | float) -> Any:
        """What the script returns. Raises redis-py's errors when Redis is away."""
        with refusals_as_absence():
            return self._script(name)(args=args)

    def each(self, name: str, calls: Iterable[Sequence[str | int | float]]) -> list[Any]:
        """What the script returns for each of many calls, in one round trip. Between two, Redis answers others."""
        pipe = self._redis.pipeline(transaction=False)
        for args in calls:
            self._script(name)(args=args, client=pipe)
        with refusals_as_absence():
            return pipe.execute()

    def _script(self, name: str) -> Callable[..., Any]:
        if name not in self._registered:
            lua = files("tasks.ledger") / "lua"
            parts = [*(lua / "shared" / f"{part}.lua" for part in SHARED), lua / f"{name}.lua"]
            texts = [f"local BOUNDS = {_lua_list(BOUNDS)}\n", *(part.read_text() for part in parts)]
            self._registered[name] = self._redis.register_script("".join(texts))
        return self._registered[name]


def _lua_list(texts: Iterable[str]) -> str:
    return "{ " + ", ".join(f"'{text}'" for text in texts) + " }"
