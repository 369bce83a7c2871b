"""What a worker of each model takes of memory: asked once a model, of a process beside, one after the other."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from app.cli.up.supervisor import die_with_parent
from tasks.byte_sizes import size
from tasks.logs import get_logger
from tasks.models import gguf, hub
from tasks.models.catalogue import FAKE_PATH, Catalogue, ModelEntry, gguf_path
from tasks.models.plan import dry_run, fit
from tasks.models.plan.sizes import WORKER_BYTES

FILE_SHARE = 1.2
"""Of a model's file, which its worker is taken to need as long as nothing else is known."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Need:
    """What one worker takes: bytes, and the same in words."""

    bytes: int
    parts: str


@dataclass(slots=True)
class _Asked:
    model: str
    process: subprocess.Popen[str]
    answer: IO[str]
    until: float


class Sizing:
    """Needs of the models of a catalogue. `tend` is called often, and waits for nothing.

    Args:
        env: the whole environment of a worker, whose settings count.
    """

    def __init__(self, catalogue: Catalogue, env: Mapping[str, str]) -> None:
        self._catalogue = catalogue
        self._env = env
        self._absent = {name for name, entry in catalogue.items() if _is_absent(entry)}
        self._needs = {name: estimate(entry) for name, entry in catalogue.items()}
        self._unasked = [name for name, entry in catalogue.items() if _can_be_asked(entry) and name not in self._absent]
        self._asked: _Asked | None = None

    def renew(self, catalogue: Catalogue, changed: Collection[str]) -> None:
        """Another catalogue: models that are new in it, or are others, are asked for again.

        One that was added and removed again between two looks is among those that leave, and has not been known.
        """
        self._catalogue = catalogue
        changed = {*changed, *(name for name in catalogue if name not in self._needs)}
        for name in changed:
            entry = catalogue[name]
            self._needs[name] = estimate(entry)
            self._absent = (self._absent - {name}) | ({name} if _is_absent(entry) else set())
            if _can_be_asked(entry) and name not in self._absent and name not in self._unasked:
                self._unasked.append(name)
        if self._asked is not None and self._asked.model in changed:
            self.close()

    def of(self, model: str) -> Need:
        return self._needs[model]

    def is_absent(self, model: str) -> bool:
        """Whether its file has still to be downloaded."""
        return model in self._absent

    def loaded(self, model: str) -> None:
        """A worker serves the model, so its file is there now."""
        if model in self._absent:
            self._absent.discard(model)
            self._needs[model] = estimate(self._catalogue[model])
            self._unasked.append(model)

    def tend(self) -> None:
        if self._asked is not None:
            self._listen(self._asked)
        elif self._unasked:
            self._asked = self._ask(self._unasked.pop(0))

    def close(self) -> None:
        """End the process that is asked just now."""
        if self._asked is not None:
            self._asked.process.kill()
            self._asked.process.wait()
            self._asked.answer.close()
            self._asked = None

    def _ask(self, model: str) -> _Asked | None:
        answer = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed when it was read
        try:
            process = subprocess.Popen(
                dry_run.COMMAND,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except OSError as exc:
            answer.close()
            log.warning("nothing tells what the model takes", model=model, error=str(exc))
            return None
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(dry_run.question([self._catalogue[model]]))
            process.stdin.close()
        return _Asked(model, process, answer, time.monotonic() + dry_run.SECONDS)

    def _listen(self, asked: _Asked) -> None:
        if asked.process.poll() is None:
            if time.monotonic() > asked.until:
                asked.process.kill()
            return
        self._asked = None
        with asked.answer as file:
            file.seek(0)
            told = file.read()
        try:
            if asked.process.returncode:
                raise dry_run.CannotTell(f"it ended with status {asked.process.returncode}")
            (sizes,) = dry_run.answer(told)
        except dry_run.CannotLoad:
            return  # its worker tells why
        except (dry_run.CannotTell, ValueError) as exc:
            log.warning("nothing tells what the model takes", model=asked.model, error=str(exc))
            return
        in_memory = 0 if sizes.on_card else sizes.total
        self._needs[asked.model] = Need(in_memory + sizes.beside, fit.parts(sizes))


def estimate(entry: ModelEntry) -> Need:
    """What a worker is taken to need as long as nobody has told."""
    weights = 0
    if _can_be_asked(entry):
        with suppress(OSError, gguf.NotGguf):
            weights = int(FILE_SHARE * sum(part.stat().st_size for part in gguf.parts(gguf_path(entry))))
    told = f"about {size(weights)} for the model, process {size(WORKER_BYTES)}"
    if not entry.prefix_cache:
        return Need(weights + WORKER_BYTES, told)
    kept = entry.prefix_cache.memory
    return Need(weights + WORKER_BYTES + kept, f"{told}, prefix cache {size(kept)}")


def _can_be_asked(entry: ModelEntry) -> bool:
    return entry.path != FAKE_PATH


def _is_absent(entry: ModelEntry) -> bool:
    return entry.path.startswith(hub.SCHEME) and hub.downloaded(entry.path) is None
