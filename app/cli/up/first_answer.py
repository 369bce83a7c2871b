"""The first question of a start, so that whoever started it sees that it works."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

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
    _asked_at: float = 0.0

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
        waits = any(not state <= {"failed"} for state in states.values())
        return None if waits else []

    def _ask(self, model: str) -> list[str] | None:
        body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": MAX_TOKENS}
        try:
            job = self.watch.submit(body)
        except (httpx.HTTPError, ValueError) as exc:
            return [f"  The first job has no answer yet ({exc})."]
        if "id" not in job:
            return [f"  The first job was refused: {job.get('error', {}).get('message', job)}"]
        self._job_id, self._asked_at = job["id"], time.monotonic()
        return None

    def _answer(self) -> list[str] | None:
        job = self.watch.job(self._job_id)
        if job.get("status") == "succeeded":
            return [f"  {QUESTION}", f"  {' '.join(job['result']['choices'][0]['message']['content'].split())}"]
        if job.get("finished_at") or time.monotonic() - self._asked_at > SECONDS:
            return [f"  A first job is {job.get('status', 'queued')}; see `caravan jobs list`."]
        return None
