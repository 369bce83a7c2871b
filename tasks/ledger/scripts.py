"""The ledger's Lua scripts: how they are put together, and run. `tasks/ledger/lua/README.md` says how to write one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import redis
from redis.commands.core import Script

from tasks.ledger import redis_keys
from tasks.ledger.connection import refusals_as_absence
from tasks.ledger.histograms import BOUNDS
from tasks.ledger.trip import Trip
from tasks.records.job import KILLS_PER_CRASH, LEAST_KEPT_SECONDS, LINES, SLOTLESS, TRANSITIONS, JobStatus

FOLDERS = ("jobs", "workers", "batches", "files", "webhooks", "keys")
"""Where scripts lie under ``lua``; what they include lies in ``lua/lib``."""
_LUA = files("tasks.ledger") / "lua"
_INCLUDE = re.compile(r'^--- @include "(.+)"$', re.MULTILINE)


class Scripts:
    """Runs scripts of ``tasks/ledger/lua`` by the names of their files."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._registered: dict[str, Script] = {}

    def __call__(self, name: str, *args: str | int | float) -> Any:
        """What the script returns. Raises redis-py's errors when Redis is away."""
        with refusals_as_absence():
            return self._script(name)(args=args)

    def each(self, name: str, calls: Iterable[Sequence[str | int | float]]) -> list[Any]:
        """What the script returns for each of many calls, in one round trip. Between two, Redis answers others."""
        trip = self.trip()
        for args in calls:
            trip.run(name, *args)
        return trip.go()

    def trip(self) -> Trip:
        """Scripts and commands that are about to go in one round trip."""
        return Trip(self._redis, self._script)

    def _script(self, name: str) -> Script:
        if name not in self._registered:
            self._registered[name] = self._redis.register_script(text(name))
        return self._registered[name]


@cache
def text(name: str) -> str:
    """A script as Redis gets it: the head, what it includes, itself.

    Raises FileNotFoundError for a file that is not there, and ValueError for files that include each other.
    """
    code = "".join(source for _, source in parts(name))
    return head(code) + code


def parts(name: str) -> list[tuple[str, str]]:
    """The files that a script is made of and their texts: each once, after those that it includes."""
    folder = next((folder for folder in FOLDERS if (_LUA / folder / f"{name}.lua").is_file()), FOLDERS[0])
    found: dict[str, str] = {}
    _collect(f"{folder}/{name}", found, ())
    return list(found.items())


def _collect(file: str, found: dict[str, str], includers: tuple[str, ...]) -> None:
    if file in includers:
        raise ValueError(f"{file}.lua includes itself: {' -> '.join((*includers, file))}")
    if file in found:
        return
    path = _LUA / f"{file}.lua"
    if not path.is_file():
        raise FileNotFoundError(f"there is no {file}.lua{f', which {includers[-1]}.lua includes' if includers else ''}")
    source = path.read_text()
    for included in _INCLUDE.findall(source):
        _collect(included, found, (*includers, file))
    found[file] = source


def head(code: str) -> str:
    """What Python knows of the names that stand in a script: one line for each, in Lua."""
    words = set(re.findall(r"\w+", code))
    return "".join(f"local {line}\n" for name, line in _known().items() if name in words)


@cache
def _known() -> dict[str, str]:
    statuses = {status.value: sorted(TRANSITIONS[status]) for status in JobStatus}
    allowed = {"": [JobStatus.QUEUED], **statuses}  # a job that is not there yet has no status
    constants = {
        "ENDED": _lua_set(status for status in JobStatus if status.ended),
        "TRANSITIONS": "{ " + ", ".join(f"['{a}'] = {_lua_set(after)}" for a, after in allowed.items()) + " }",
        "LINES": _lua_list(LINES),
        "SLOTLESS": f"'{SLOTLESS}'",
        "KILLS_PER_CRASH": str(KILLS_PER_CRASH),
        "LEAST_KEPT_SECONDS": str(LEAST_KEPT_SECONDS),
        "BOUNDS": _lua_list(BOUNDS),
    }
    lines = {name: f"{name} = {value}" for name, value in constants.items()}
    return lines | dict(_lua_name(*item) for item in redis_keys.NAMES.items())


def _lua_name(called: str, name: redis_keys.Name) -> tuple[str, str]:
    function = called if called.endswith("_channel") else f"{called}_key"
    parts = (*(f"{part}:gsub('%%', '%%25'):gsub(':', '%%3A')" for part in name.parts[:-1]), *name.parts[-1:])
    built = " .. ':' .. ".join((f"'{redis_keys.PREFIX}{name.word}'", *parts)).replace("' .. ':", ":", 1)
    marked = "".join(_lua_mark(part, name.taken) for part in name.parts if name.taken)
    return function, f"function {function}({', '.join(name.parts)}) {marked}return {built} end"


def _lua_mark(part: str, taken: Iterable[str]) -> str:
    """Keeps a part from being what another name has in its place."""
    cases = " or ".join(f"{part} == '{other}'" for other in sorted(taken))
    return f"if {cases} or {part}:sub(1, 1) == '%' then {part} = '%' .. {part} end "


def _lua_set(texts: Iterable[str]) -> str:
    return "{ " + ", ".join(f"{text} = true" for text in texts) + " }"


def _lua_list(texts: Iterable[str]) -> str:
    return "{ " + ", ".join(f"'{text}'" for text in texts) + " }"
