"""What the ledger's Lua files say of themselves: what they define, call, include and promise in their headers.

`python -m tests.support.lua` lints them with luacheck, each script as Redis gets it, so that what is included is known;
`python -m tests.support.lua claim` prints one, with the lines' numbers of Redis' error messages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasks.ledger import scripts

ROOT = Path(scripts.__file__).parent / "lua"
MISSING = "no luacheck: Lua is not checked; it is in Debian's lua-check, Homebrew's and LuaRocks' luacheck"
_DEFINED = re.compile(r"^local (?:function )?(\w+(?:, \w+)*)", re.MULTILINE)
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_WARNING = re.compile(r"(?P<script>\w+)\.lua:(?P<line>\d+):(?P<rest>.*)")


def names() -> list[str]:
    """Of all scripts."""
    return sorted(path.stem for folder in scripts.FOLDERS for path in (ROOT / folder).glob("*.lua"))


def sources() -> dict[str, str]:
    """All files, as `jobs/claim` or `lib/clock`."""
    return {str(path.relative_to(ROOT).with_suffix("")): path.read_text() for path in sorted(ROOT.rglob("*.lua"))}


def code(source: str) -> str:
    """A file without its comments; what stands in quotes is emptied."""
    return _STRING.sub("''", re.sub(r" *--.*$", "", source, flags=re.MULTILINE))


def defined(source: str) -> set[str]:
    """What a file has for those that include it."""
    return {name for found in _DEFINED.findall(source) for name in found.split(", ")}


def used(source: str) -> set[str]:
    """The functions that a file calls, and the constants that it reads."""
    text = code(source)
    return set(re.findall(r"(?<![.:\w])(?<!function )(\w+)\(", text)) | set(
        re.findall(r"(?<![.\w])[A-Z][A-Z_]+\b", text)
    )


def needed(file: str, all_sources: Mapping[str, str]) -> set[str]:
    """What a file has to include: where the functions that it calls are defined."""
    calls = used(all_sources[file]) - defined(all_sources[file])
    return {
        other
        for other, source in all_sources.items()
        if other.startswith("lib/") and other != file and calls & defined(source)
    }


@dataclass(frozen=True, slots=True)
class Header:
    """What a script says of itself: its arguments' names by position, where the rest begins, what comes of it."""

    inputs: tuple[str, ...]
    rest: int | None
    output: str
    events: str

    @classmethod
    def read(cls, source: str) -> Header:
        """Raises ValueError if a part is missing, or an argument is out of order."""
        found = re.search(r"^-- Input:(.*?)^-- Output:(.*?)^-- Events:(.*?)^(?!--)", source, re.MULTILINE | re.DOTALL)
        if found is None:
            raise ValueError("no header of Input, Output and Events")
        inputs, rest = list[str](), None
        for line in filter(None, (line.removeprefix("--").strip() for line in found[1].splitlines())):
            argument = re.fullmatch(r"ARGV\[(\d+)(\.\.)?\]  (\w+).*", line)
            if argument is None or int(argument[1]) != len(inputs) + 1 or rest is not None:
                raise ValueError(f"no argument, or not in order: {line}")
            if argument[2]:
                rest = int(argument[1])
            else:
                inputs.append(argument[3])
        return cls(tuple(inputs), rest, found[2], found[3])


def numbered(name: str) -> Iterator[tuple[str, int, str]]:
    """A script's lines, each with its file and its number there."""
    parts = scripts.parts(name)
    head = scripts.head("".join(source for _, source in parts))
    yield from (("head", at, line) for at, line in enumerate(head.splitlines(), 1))
    for file, source in parts:
        yield from ((file, at, line) for at, line in enumerate(source.splitlines(), 1))


def luacheck() -> list[str]:
    """What luacheck warns of, each in the file where it stands."""
    lines = {name: list(numbered(name)) for name in names()}
    with tempfile.TemporaryDirectory() as folder:
        for name, script in lines.items():
            (Path(folder) / f"{name}.lua").write_text("".join(map(_as_checked, script, [script[-1][0]] * len(script))))
        rules = ROOT.parents[2] / ".luacheckrc"
        command = ["luacheck", "--config", str(rules), "--formatter", "plain", "--codes", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = dict[str, None]()
    for warning in filter(None, done.stdout.splitlines()):
        if match := _WARNING.search(warning):
            file, line, _ = (*lines[match["script"]], ("end", 0, ""))[int(match["line"]) - 1]
            warning = f"tasks/ledger/lua/{file}.lua:{line}:{match['rest']}"
        found[warning] = None
    if done.returncode and not found:
        return [done.stderr]
    return list(found)


def _as_checked(line: tuple[str, int, str], own: str) -> str:
    """What is included may be there for others; the head is not written by hand."""
    file, _, text = line
    rules = [f"ignore 211/{word}" for word in sorted(defined(text))] if file != own else []
    if file == "head" or (rules and len(text) <= 120):  # what is added here counts as well
        rules.append("no max line length")
    return text + (f" -- luacheck: {', '.join(rules)}\n" if rules else "\n")


def main(arguments: list[str]) -> int:
    if arguments:
        for at, (file, line, text) in enumerate(numbered(arguments[0]), 1):
            sys.stdout.write(f"{at:4} {file}:{line}: {text}\n")
        return 0
    if shutil.which("luacheck") is None:
        sys.stderr.write(f"{MISSING}\n")
        return int(os.environ.get("CI") == "true")
    warnings = luacheck()
    sys.stdout.write(("\n".join(warnings) or f"luacheck: {len(names())} scripts, no warnings") + "\n")
    return int(bool(warnings))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
