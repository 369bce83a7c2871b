"""Programs of the control plane as processes that end with the tests, however those end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.support.waiting import until


class Programs:
    """Started in order, stopped in the opposite one. The log of each is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._again: dict[str, Callable[[], None]] = {}

    def start(
        self,
        name: str,
        command: list[str],
        *,
        answers: Callable[[], object],
        env: Mapping[str, str] | None = None,
        seconds: float = 180,
    ) -> None:
        """Until it answers; fails the test, with the end of its log, when it ends or does not."""
        self._again[name] = partial(self.start, name, command, answers=answers, env=env, seconds=seconds)
        with self._log(name).open("ab") as log:
            # A test run that is killed takes them along.
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], env=env, stdout=log, stderr=log)
        self._running[name] = process
        try:
            until(lambda: process.poll() is not None or answers(), seconds=seconds, what=f"{name} answers")
        except AssertionError as exc:
            raise AssertionError(f"{exc}\n{self.output(name)}") from None
        assert process.poll() is None, f"{name} ended:\n{self.output(name)}"

    def again(self, name: str) -> None:
        """As it was started before."""
        self._again[name]()

    def stop(self, name: str, *, seconds: float = 10) -> None:
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.kill()
        process.wait(10)

    def stop_all(self) -> None:
        """At the end, when nobody waits for what they still do."""
        for name in reversed(list(self._running)):
            self.stop(name, seconds=1)

    def output(self, name: str) -> str:
        return self._log(name).read_text(errors="replace")[-3000:]

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"
