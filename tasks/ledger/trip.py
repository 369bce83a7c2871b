"""Many calls to Redis in one round trip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
from redis.client import Pipeline
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence

CONFIRM_SECONDS = 1.0
"""So long at most replicas are waited for: less than Redis is, whose answer comes after theirs."""


class Trip:
    """Scripts, and commands that only read, which Redis gets together and answers in their order.

    Between two of them Redis answers others: it is as if each came by itself.

    redis-py's own pipelines ask before each round trip whether Redis knows the scripts. This one sees it from the
    replies: after a restart Redis knows none, and those that it does not know are sent once more.
    """

    def __init__(self, client: redis.Redis, script: Callable[[str], Script]) -> None:
        self._client = client
        self._pipe = client.pipeline(transaction=False)
        self.was_resent = False
        """Whether Redis did not know some scripts, which so ran after the others."""
        self._script = script
        self._scripts: dict[int, tuple[Script, tuple[str | int | float, ...]]] = {}
        self._length = 0
        self._replicas = 0
        self.is_confirmed = True
        """Whether as many replicas as `confirm` asked for have what Redis has, once the replies are there."""

    def confirm(self, replicas: int) -> None:
        """Have the replies wait until so many replicas have what was written until then; 0 waits for none."""
        self._replicas = replicas

    def run(self, name: str, *args: str | int | float) -> None:
        """Add a script of ``tasks/ledger/lua``."""
        script = self._script(name)
        self._scripts[self._length] = script, args
        self._pipe.evalsha(script.sha, 0, *args)
        self._length += 1

    def read(self, command: str, *args: str | int | float) -> None:
        """Add a command of Redis; its reply is as redis-py has it."""
        self._pipe.execute_command(command, *args)  # type: ignore[no-untyped-call]
        self._length += 1

    def go(self) -> list[Any]:
        """The replies. Raises the first error among them, and redis-py's errors when Redis is away."""
        replies = self.replies()
        with refusals_as_absence():
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
        return replies

    def replies(self) -> list[Any]:
        """The replies, errors of Redis among them. Raises redis-py's errors when Redis is away."""
        replies = self._sent(self._pipe)
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            self.was_resent = True
            for script in {self._scripts[at][0].sha: self._scripts[at][0] for at in unknown}.values():
                self._client.script_load(script.script)
            again = self._client.pipeline(transaction=False)
            for at in unknown:
                script, args = self._scripts[at]
                again.evalsha(script.sha, 0, *args)
            for at, reply in zip(unknown, self._sent(again), strict=True):
                replies[at] = reply
        return replies

    def _sent(self, pipe: Pipeline) -> list[Any]:
        if not self._replicas:
            return pipe.execute(raise_on_error=False)
        # WAIT is for this connection's writes. After one of its own it is for all writes before, whoever made them: the
        # job of a repeated submission was written by another connection.
        pipe.set(redis_keys.probe("replicas"), "", px=1000)
        pipe.execute_command("WAIT", self._replicas, int(CONFIRM_SECONDS * 1000))  # type: ignore[no-untyped-call]
        *replies, _, confirmed = pipe.execute(raise_on_error=False)
        self.is_confirmed = isinstance(confirmed, int) and confirmed >= self._replicas
        return replies
