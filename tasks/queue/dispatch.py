"""From the waiting line to the broker: publish as many messages as live workers have room for."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.ledger.line import TAKEN_AT_ONCE, Line
from tasks.queue import task_names
from tasks.queue.publisher import Publisher


class Dispatcher:
    """Publishes jobs from the head of the line. A message that gets lost goes back to the line within seconds."""

    def __init__(self, line: Line, publisher: Publisher) -> None:
        self._line = line
        self._publisher = publisher

    def dispatch(self, model: str) -> int:
        """Publish what there is room for, `TAKEN_AT_ONCE` jobs at most; how many.

        Whoever calls next goes on: each job that is accepted, begins or ends brings a call, and the sweep brings one a
        second.
        """
        return self.publish_all(self._line.take(model), model)

    def taking(self, model: str) -> tuple[str | int | float, ...]:
        """What the script is given that takes jobs from the line, for a round trip that does more."""
        return self._line.taking(model)

    def publish_all(self, job_ids: Sequence[str], model: str) -> int:
        """Publish jobs that were taken from the line, and give back those that could not be; how many went out."""
        if not job_ids or self._publisher.publish_many(task_names.RUN_JOB, job_ids, queue=model):
            return len(job_ids)
        self._line.unpublish(model, job_ids)
        return 0

    def dispatch_all(self, model: str) -> None:
        """Publish what there is room for, however much."""
        while self.dispatch(model) == TAKEN_AT_ONCE:
            pass

    def publish(self, job_id: str, model: str) -> bool:
        """Put one message on the model's queue; whether that went well."""
        return self._publisher.publish_many(task_names.RUN_JOB, [job_id], queue=model)
