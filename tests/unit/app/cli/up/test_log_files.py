"""Logs of programs: read as they grow, put aside when they are long."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.cli.up.log_files import KEPT, LogFile
from app.cli.up.log_tail import LogTail


def test_whole_lines_are_read_once(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "web.log")
    output = log.open_to_write()
    os.write(output, b"one\ntw")
    assert log.new_lines() == ["one"]
    os.write(output, b"o\r\n\xff\n")
    assert log.new_lines() == ["two", "\ufffd"]
    assert log.new_lines() == []
    os.close(output)


def test_what_an_earlier_process_wrote_is_kept_and_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("earlier\n")
    log = LogFile(tmp_path / "web.log")
    output = log.open_to_write()
    os.write(output, b"now\n")
    assert log.new_lines() == ["now"]
    assert (tmp_path / "web.log").read_text() == "earlier\nnow\n"
    os.close(output)


def test_a_long_log_is_put_aside_while_its_program_writes_on(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", max_bytes=10)
    output = log.open_to_write()
    seen: list[str] = []
    for number in range(KEPT + 2):
        os.write(output, f"line number {number}\n".encode())
        seen += [*log.rotate(), *log.new_lines()]
    os.close(output)
    assert seen == [f"line number {number}" for number in range(KEPT + 2)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2"]
    assert (tmp_path / "web.log").read_text() == ""
    assert (tmp_path / "web.log.1").read_text() == "line number 4\n"
    assert (tmp_path / "web.log.2").read_text() == "line number 3\n"


def test_a_log_that_somebody_empties_or_removes_is_no_trouble(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log")
    output = log.open_to_write()
    os.write(output, b"a long line\n")
    assert log.new_lines() == ["a long line"]
    os.truncate(tmp_path / "web.log", 0)
    os.write(output, b"new\n")
    assert log.new_lines() == ["new"]
    (tmp_path / "web.log").unlink()
    assert log.new_lines() == []
    assert log.rotate() == []
    os.close(output)


def test_only_errors_are_shown_unless_all_is_asked_for(tmp_path: Path) -> None:
    for verbose, shown in ((False, ["web: no"]), (True, ["web: yes", "web: no"])):
        told: list[str] = []
        tail = LogTail(tmp_path / str(verbose), told.append, verbose=verbose)
        output = tail.open("web").open_to_write()
        for level, text in (("info", "yes"), ("error", "no"), ("error", "no")):
            os.write(output, f'{{"event": "{text}", "level": "{level}"}}\n'.encode())
        tail.tend()
        os.close(output)
        assert told == shown
        assert tail.path("web") == tmp_path / str(verbose) / "web.log"


@pytest.mark.parametrize("verbose", [False, True])
def test_three_seconds_without_redis_are_two_lines_of_all_programs(tmp_path: Path, verbose: bool) -> None:
    told: list[str] = []
    now = [0.0]
    tail = LogTail(tmp_path, told.append, verbose=verbose, clock=lambda: now[0])
    outputs = {name: tail.open(name).open_to_write() for name in ("web", "clerk", "demo-1")}
    error = "Error 111 connecting to /tmp/redis.sock. Connection refused."
    for second in range(3):
        now[0] = float(second)
        for output in outputs.values():
            os.write(output, f'{{"event": "sweep put off", "error": "{error}", "level": "warning"}}\n'.encode())
            os.write(output, f'{{"event": "consumer: Cannot connect: {error}", "level": "error"}}\n'.encode())
        tail.tend()
    for output in outputs.values():
        os.write(output, b'{"event": "redis answers again", "level": "warning"}\n')
        os.close(output)
    tail.tend()
    now[0] = 5.0
    tail.tend()
    assert told == [
        f"web: Redis does not answer: {error}",
        "Redis answers again, after 2 s; 17 lines about it left out",
    ]
