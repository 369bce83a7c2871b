"""The ledger's Lua files: what they include, what their headers say, and that Python's names stand in Python alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.ledger import redis_keys, scripts
from tests.support import lua
from tests.support.lua import Header

SOURCES = lua.sources()
COMMANDS = [name for name in SOURCES if not name.startswith("lib/")]
LIBRARY = [name for name in SOURCES if name.startswith("lib/")]
PACKAGES = [Path(scripts.__file__).parents[1], Path(scripts.__file__).parents[2] / "app"]
INCLUDE = re.compile(r'^--- @include "(.+)"$', re.MULTILINE)


def folder_of(path: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in files.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    monkeypatch.setattr(scripts, "_LUA", path)


def test_a_file_stands_once_and_after_what_it_includes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "jobs/end.lua": '--- @include "lib/a"\n--- @include "lib/b"\nreturn b()\n',
        "lib/a.lua": '--- @include "lib/b"\nlocal function a() return b() end\n',
        "lib/b.lua": "local function b() return job_key('1') end\n",
    }
    folder_of(tmp_path, files, monkeypatch)
    assert [name for name, _ in scripts.parts("end")] == ["lib/b", "lib/a", "jobs/end"]


def test_a_file_that_is_missing_is_named_with_its_includer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, {"jobs/end.lua": '--- @include "lib/a"\n'}, monkeypatch)
    with pytest.raises(FileNotFoundError, match=r"no lib/a\.lua, which jobs/end\.lua includes"):
        scripts.parts("end")
    with pytest.raises(FileNotFoundError, match=r"no jobs/begin\.lua"):
        scripts.parts("begin")


def test_files_that_include_each_other_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "jobs/end.lua": '--- @include "lib/a"\n',
        "lib/a.lua": '--- @include "lib/b"\n',
        "lib/b.lua": '--- @include "lib/a"\n',
    }
    folder_of(tmp_path, files, monkeypatch)
    with pytest.raises(ValueError, match=r"lib/a\.lua includes itself: jobs/end -> lib/a -> lib/b -> lib/a"):
        scripts.parts("end")


def test_the_head_has_what_a_script_names_and_no_more() -> None:
    assert scripts.head("redis.call('DEL', fair_share_key(model, line), sweep_leader_key())") == (
        "local function fair_share_key(model, line) "
        "return 'caravan:fair:' .. model:gsub('%%', '%%25'):gsub(':', '%%3A') .. ':' .. line end\n"
        "local function sweep_leader_key() return 'caravan:leader:sweep' end\n"
    )
    assert "running = true" in scripts.head("TRANSITIONS")
    assert scripts.head("ENDED") == (
        "local ENDED = { succeeded = true, failed = true, cancelled = true, expired = true }\n"
    )


@pytest.mark.parametrize("file", SOURCES)
def test_a_file_includes_what_it_calls_and_nothing_else(file: str) -> None:
    included = INCLUDE.findall(SOURCES[file])
    assert included == sorted(lua.needed(file, SOURCES))


@pytest.mark.parametrize("file", LIBRARY)
def test_what_is_shared_is_used(file: str) -> None:
    calls = {name for other, source in SOURCES.items() for name in lua.used(source) if other != file}
    inside = lua.code(SOURCES[file])
    for name in lua.defined(SOURCES[file]):
        assert name in calls or len(re.findall(rf"\b{name}\b", inside)) > 1, name


@pytest.mark.parametrize("file", COMMANDS)
def test_a_header_lists_the_arguments_as_the_script_names_them(file: str) -> None:
    source = SOURCES[file]
    header, text = Header.read(source), lua.code(source)
    named, lines = list[str](), [line for line in text.splitlines() if line]
    while lines and re.match(r"local .*ARGV\[\d+\]", lines[0]):
        names, values = lines.pop(0).removeprefix("local ").split(" = ")
        named += names.split(", ")
        assert len(re.findall(r"ARGV\[\d+\]", values)) == len(values.split(", ")) == len(names.split(", "))
        positions = list(map(int, re.findall(r"ARGV\[(\d+)\]", values)))
        assert positions == list(range(len(named) - len(positions) + 1, len(named) + 1)), "in order"
    assert tuple(named) == header.inputs
    rest = "\n".join(lines)
    assert not re.findall(r"ARGV\[\d", rest), "arguments are named in the first lines, and used by their names"
    assert ("ARGV" in rest) == (header.rest is not None)
    begins = {int(at) for at in re.findall(r"unpack\(ARGV, (\d+)\)", rest)}
    assert begins <= {header.rest}


@pytest.mark.parametrize("file", COMMANDS)
def test_a_header_lists_every_reply_that_has_a_tag(file: str) -> None:
    code = re.sub(r" *--.*$", "", SOURCES[file], flags=re.MULTILINE)
    replies = set(re.findall(r"return \{? ?('[a-z]+')", code)) | set(re.findall(r"answer = \{ ('[a-z]+')", code))
    listed = set(re.findall(r"\{?('[a-z]+')", Header.read(SOURCES[file]).output))
    whole = "".join(source for _, source in scripts.parts(Path(file).name))
    assert replies <= listed
    assert all(tag in re.sub(r"--.*", "", whole) for tag in listed)


@pytest.mark.parametrize("file", COMMANDS)
def test_a_header_says_what_is_appended_and_published(file: str) -> None:
    parts = dict(scripts.parts(Path(file).name))
    events = Header.read(SOURCES[file]).events
    assert ("log:" in events) == ("lib/event" in parts)
    assert ("control_channel:" in events) == any("'PUBLISH', control_channel" in source for source in parts.values())
    assert ("none" in events) == ("log:" not in events and "control_channel:" not in events)


@pytest.mark.parametrize("file", COMMANDS)
def test_what_leads_to_ends_writes_first_what_full_memory_does_not_refuse(file: str) -> None:
    code = [line for line in lua.code(SOURCES[file]).splitlines() if line and not re.match(r"local .*ARGV\[\d", line)]
    if "even_if_full()" in "\n".join(code):
        assert code[0] == "even_if_full()"
        assert code.count("even_if_full()") == 1


def test_every_script_has_a_caller_and_every_caller_a_script() -> None:
    python = "\n".join(path.read_text() for package in PACKAGES for path in package.rglob("*.py"))
    called = set(re.findall(r"""(?:_run(?:\.each)?|trip\.run|Write)\(\s*"(\w+)\"""", python))
    assert called == set(lua.names())
    assert len(lua.names()) == len(COMMANDS), "a name is a script's in one folder alone"


def test_names_of_keys_stand_in_one_module() -> None:
    files = [path for package in PACKAGES for kind in ("*.py", "*.lua") for path in package.rglob(kind)]
    writing = [path.name for path in files if re.search(r"""["']caravan:""", path.read_text())]
    assert writing == [Path(redis_keys.__file__).name]


def test_statuses_of_the_table_are_written_there_alone() -> None:
    for file, source in SOURCES.items():
        assert not re.search(r"succeeded\s*=|expired\s*=\s*true", source), file
    assert "redis.call('HSET', job_key(id), 'fence', fence, 'status', status)" in SOURCES["lib/transition"]
    setting = [file for file, source in SOURCES.items() if re.search(r"job_key\(\w+\),[^\n]*'status', ", source)
               and "'HSET', job_key(id), 'fence'" in source]  # fmt: skip
    assert setting == ["lib/transition"]
