"""Running `caravan bulk run` as a process of its own."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

PROMPT = ["--prompt", "Classify the sentiment: {{ text }}"]
REVIEWS = Path(__file__).parents[2] / "docs" / "reviews.py"


class Front(Protocol):
    """Whatever answers at an address: processes of this machine, or containers."""

    url: str


def reviews(path: Path, rows: int) -> Path:
    """As many reviews as a file of their own."""
    with path.open("w") as file:
        subprocess.run([sys.executable, str(REVIEWS), str(rows)], stdout=file, check=True)
    return path


class BulkCommand:
    """`caravan bulk run INPUT -m demo -o OUTPUT ...` against a cluster. Its errors and progress go to `log`."""

    def __init__(
        self, cluster: Front, source: Path | str, output: Path, *options: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.output = output
        self.log = output.with_suffix(".log")
        self._arguments = [sys.executable, "-m", "app.cli", "bulk", "run", str(source), "-m", "demo", "-o", str(output)]
        self._arguments += options
        self._env = {**os.environ, "CARAVAN_URL": cluster.url, **(env or {})}

    @property
    def progress(self) -> Path:
        return self.output.with_name(self.output.name + ".progress")

    def run(self, *, stdin: bytes = b"", before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        ended = subprocess.run(
            self._arguments, env=self._env, input=stdin, capture_output=True, timeout=110, check=False,
            preexec_fn=before,
        )  # fmt: skip
        return subprocess.CompletedProcess(ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def start(self) -> subprocess.Popen[bytes]:
        """Begin it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._arguments, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=_hear_interrupts,
            )  # fmt: skip

    def num_done(self) -> int:
        """Rows that are written down."""
        try:
            return (self.progress / "answers.jsonl").read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0


def _hear_interrupts() -> None:
    """A shell's background processes, of which the tests may be one, ignore Ctrl-C, and all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def small_files(most_bytes: int) -> Callable[[], None]:
    """For `BulkCommand.run`: a disk that is full as soon as a file has so many bytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return limit
