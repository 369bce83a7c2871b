"""The Redis that `caravan up` would start, started for this check: in a folder and on a port of its own."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from app.cli.up.own_redis import OwnRedis, own_redis
from app.doctor.checks import Server
from app.doctor.redis_access import NoRedis

START_SECONDS = 10.0
POLL_SECONDS = 0.05
LAST_WORDS = 40


@contextmanager
def trial_redis() -> Iterator[Server]:
    """The server, while it runs. Raises NoRedis if there is no program, or it does not start."""
    with _folder() as folder:
        try:
            server = own_redis(folder)
        except click.ClickException as exc:
            raise NoRedis(exc.message) from exc
        program = server.program.argv[0]
        with closing(server), _running(server, folder / "log"):
            yield Server(server.url, f"{server.origin} ({program}), started for this check")


@contextmanager
def _folder() -> Iterator[Path]:
    try:
        folder = tempfile.TemporaryDirectory(prefix="caravan-doctor-", ignore_cleanup_errors=True)
    except OSError as exc:
        raise NoRedis(f"no check is possible: there is no folder for temporary files ({exc.strerror})") from exc
    with folder as path:
        yield Path(path)


@contextmanager
def _running(server: OwnRedis, log: Path) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(
            server.program.argv, stdin=subprocess.PIPE, stdout=output, stderr=output, text=True, start_new_session=True
        )
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died; why is in its log
            process.stdin.write(server.program.stdin)
            process.stdin.close()
        _wait(process, server, log)
        yield
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[str], server: OwnRedis, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            said = " ".join(log.read_text(errors="replace").split()[-LAST_WORDS:])
            raise NoRedis(f"{server.program.argv[0]} does not start: {said or f'status {process.returncode}'}")
        time.sleep(POLL_SECONDS)
