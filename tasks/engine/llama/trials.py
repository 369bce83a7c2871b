"""Asking another process whether a grammar compiles within bounds, before this one compiles it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.answers import trial

OVER_LIMITS = (
    f"compiling it takes more than {trial.SECONDS:g} second of a processor, or more than {trial.MEMORY_BYTES >> 20} MiB"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a trial went: why the grammar cannot be compiled, empty if it can; and what memory it takes."""

    error: str
    num_bytes: int


class Trials:
    """The process of `tasks.answers.trial`, which is started when the first grammar comes. Thread-safe."""

    def __init__(self, tokens: Sequence[bytes], end_tokens: Sequence[int]) -> None:
        vocabulary = {"tokens": [token.hex() for token in tokens], "end_tokens": list(end_tokens)}
        self._vocabulary = json.dumps(vocabulary).encode()
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, grammar: str) -> Verdict:
        """Have a grammar compiled elsewhere; waits no longer than its limits allow."""
        answer = self._ask(grammar)
        if not answer and not self._lives():  # somebody has ended it meanwhile
            answer = self._ask(grammar)
        if not answer:
            return Verdict(OVER_LIMITS, 0)
        verdict = json.loads(answer)
        return Verdict(verdict["error"], verdict["bytes"])

    def _ask(self, grammar: str) -> bytes:
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs:
                    self._hand_over(theirs)
                trial.send(grammar.encode(), ours)
                with ours.makefile("rb") as stream:
                    return trial.receive(stream)
            except OSError:
                return b""

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                self._process.wait()
            self._control = self._process = None

    def _hand_over(self, theirs: socket.socket) -> None:
        with self._lock:
            if self._control is None or not self._lives():
                self._control = self._start()
            socket.send_fds(self._control, [b"g"], [theirs.fileno()])

    def _lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", trial.__name__]
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)  # noqa: S603 - our own module
        trial.send(self._vocabulary, ours)
        if self._control is not None:
            self._control.close()
        return ours
