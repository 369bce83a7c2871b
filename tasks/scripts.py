"""The ledger's Lua scripts, as they are run."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import redis

from tasks.redis_client import refusals_as_absence

SHARED = ("keys", "hooks", "line", "jobs")
"""Each knows those before it."""


class Scripts:
    """Runs scripts of ``tasks/lua`` by their names; what they share stands before each."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._registered: dict[str, Callable[..., Any]] = {}

    def __call__(self, name: str, *args: str | int | float) -> Any:
        """What the script returns. Raises redis-py's errors when Redis is away."""
        if name not in self._registered:
            lua = files("tasks") / "lua"
            parts = [*(lua / "shared" / f"{part}.lua" for part in SHARED), lua / f"{name}.lua"]
            self._registered[name] = self._redis.register_script("".join(part.read_text() for part in parts))
        with refusals_as_absence():
            return self._registered[name](args=args)
