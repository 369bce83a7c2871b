"""Somebody who follows a page: types its commands in one folder, one after the other, against one cluster."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.pages import HOUSE
from tests.support.processes import COMMAND

PROGRAMS = {"caravan": (sys.executable, *COMMAND), "python": (sys.executable,), "python3": (sys.executable,)}
CURL = "fail-with-body\nsilent\nshow-error\nmax-time = 60\n"
"""An error of the server is an exit status too."""
NOTED = {
    "ID": re.compile(
        r'"id": ?"([0-9a-f-]{36})", ?"object": ?"job"|"object": ?"job".*?"id": ?"([0-9a-f-]{36})"', re.DOTALL
    ),
    "KEY": re.compile(r"^(cvn-\S+)$", re.MULTILINE),
}
"""What a reader takes from the screen, and the variable by which the pages' next lines call it."""
_UP = re.compile(r"(?:\w+=\S* )*caravan up\b")
_SCRIPT = "set -eao pipefail\ntrap 'env -0 >\"$FOLDER/variables\"' EXIT\n"


class Reader:
    """`means` are the texts of a page that stand for something of the reader's own, with the variable that has it."""

    def __init__(self, folder: Path, *, means: Mapping[str, str], **variables: str) -> None:
        self.folder = folder / "clone"
        self._means = means
        self._own: list[Cluster] = []
        self._rest = folder
        (folder / "bin").mkdir()
        for name, program in PROGRAMS.items():
            (folder / "bin" / name).write_text(f'#!/bin/sh\nexec {shlex.join(program)} "$@"\n')
            (folder / "bin" / name).chmod(0o755)
        self.folder.mkdir()
        for path in HOUSE.iterdir():
            if not path.name.startswith("."):
                (self.folder / path.name).symlink_to(path)
        (folder / ".curlrc").write_text(CURL)
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("CARAVAN_", "PYTHON"))},
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(folder),
            "CURL_HOME": str(folder),
            "FOLDER": str(folder),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1"),
            **variables,
        }

    def uses(self, cluster: Cluster) -> None:
        """The cluster that runs in the reader's folder."""
        self.variables["CARAVAN_URL"] = cluster.url
        data = self.folder / ".caravan"
        data.unlink(missing_ok=True)
        data.symlink_to(cluster.data)

    def types(self, command: str, *, answers: str = "", status: int = 0) -> str:
        """What a command prints, which ends with this status. `answers` are typed while it runs."""
        if _UP.match(command):
            return self._starts(command)
        done = subprocess.run(
            ["bash", "-c", _SCRIPT + self._own_words(command)],
            env=self.variables, cwd=self.folder, input=answers,
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        told = done.stdout + done.stderr
        sys.stdout.write(f"$ {command}\n{told}")  # to be read when a later command fails
        assert "Traceback" not in told, f"{command}\n{told}"
        assert done.returncode == status, f"{command}\nends with {done.returncode}\n{told}"
        self._keep_variables()
        for name, pattern in NOTED.items():
            if found := pattern.search(done.stdout):
                self.variables[name] = found[1]
        return told

    def runs(self, program: str) -> str:
        """What a piece of Python prints."""
        (self.folder / "main.py").write_text(self._own_words(program))
        return self.types("python main.py")

    def leaves(self) -> None:
        """Stop the clusters that the reader has started."""
        while self._own:
            cluster = self._own.pop()
            assert cluster.stop() == 0, cluster.told()
            assert cluster.processes() == []

    def _starts(self, command: str) -> str:
        """A cluster as the command starts it, but on ports that are free, and in place of the one before."""
        self.leaves()
        words = shlex.split(command)
        at = words.index("caravan")
        given = {**self.variables, **dict(word.split("=", 1) for word in words[:at])}
        env = {name: value for name, value in given.items() if name.startswith("CARAVAN_")}
        cluster = Cluster(self._rest, env=env, options=words[at + 2 :], cwd=self.folder)
        self._own.append(cluster)
        cluster.start()
        self.uses(cluster)
        return cluster.told()

    def _own_words(self, text: str) -> str:
        for theirs, variable in self._means.items():
            if own := self.variables.get(variable, ""):
                text = re.sub(rf"(?<![\w$]){re.escape(theirs)}(?![\w=])", lambda _: own, text)
        return text

    def _keep_variables(self) -> None:
        entries = (self._rest / "variables").read_bytes().decode().split("\0")
        self.variables = dict(entry.split("=", 1) for entry in entries if entry)
