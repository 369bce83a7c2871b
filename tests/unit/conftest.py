"""What no unit test may do: open a socket, or start a process. Tests that need one belong to another folder."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Any, NoReturn

import pytest


@pytest.fixture(autouse=True)
def nothing_but_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the call fail that would connect, listen or start a process, wherever it is made from."""

    def refused(*args: Any, **options: Any) -> NoReturn:
        pytest.fail("A unit test opens no socket and starts no process: this one belongs to another folder.")

    for call in ("connect", "connect_ex", "bind", "listen"):
        monkeypatch.setattr(socket.socket, call, refused, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(subprocess.Popen, "__init__", refused)
    for call in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system"):
        monkeypatch.setattr(os, call, refused)
