"""The first question of a start, so that whoever started it sees that it works."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from app.cli.up.cluster_watch import Watch
from app.cli.up.parts import Part
from tasks.models.catalogue import Catalogue
from tasks.records.job import Operation

QUESTION = "What is the capital of France?"
MAX_TOKENS = 64
SECONDS = 75.0
"""After which the answer is not waited for."""


@dataclass(slots=True)
class FirstAnswer:
    """Asked of a model that has a worker. `look` is called until it says what to tell."""

    watch: Watch
    catalogue: Catalogue
    _job_id: str = ""
    _key: str = field(default_factory=lambda: uuid.uuid4().hex)
    _asked_at: float | None = None
    clock: Callable[[], float] = time.monotonic

    def look(self, parts: Sequence[Part]) -> list[str] | None:
        """What to tell of it, once that is known; nothing if no model could answer."""
        if self._job_id:
            return self._answer()
        talkative = [name for name, entry in self.catalogue.items() if Operation.CHAT in entry.operations]
        models = sorted(talkative, key=lambda name: name != "demo")
        states = {model: {part.state for part in parts if part.model == model} for model in models}
        ready = next((model for model in models if "ready" in states[model]), None)
        if ready:
            return self._ask(ready)
        waits = any(not state <= {"failed", "asleep"} for state in states.values())
        return None if waits else []

    def _ask(self, model: str) -> list[str] | None:
        body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": MAX_TOKENS}
        self._asked_at = self.clock() if self._asked_at is None else self._asked_at
        try:
            job = self.watch.submit(body, key=f"{self._key}-{model}")
        except (httpx.HTTPError, ValueError) as exc:  # asked again at the next look: the key makes one job of them
            return self._no_answer(model, exc) if self._is_late() else None
        if "id" not in job:
            return [f"  The first job was refused: {job.get('error', {}).get('message', job)}"]
        self._job_id, self._asked_at = job["id"], self.clock()
        return None

    def _is_late(self) -> bool:
        return self._asked_at is not None and self.clock() - self._asked_at > SECONDS

    def _no_answer(self, model: str, exc: Exception) -> list[str]:
        return [
            f"  The first job has no answer yet ({exc}). Is this machine busy? `caravan doctor` shows its load.",
            f'  Ask again: caravan submit --model {model} "{QUESTION}"',
        ]

    def _answer(self) -> list[str] | None:
        job = self.watch.job(self._job_id)
        if job.get("status") == "succeeded":
            return [f"  {QUESTION}", f"  {' '.join(job['result']['choices'][0]['message']['content'].split())}"]
        if job.get("finished_at") or self._is_late():
            return [f"  A first job is {job.get('status', 'queued')}; see `caravan jobs list`."]
        return None
