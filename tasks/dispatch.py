"""From the waiting line to the broker: publish as many messages as live workers have room for."""

from __future__ import annotations

from celery import Celery
from kombu.exceptions import OperationalError

from tasks import names
from tasks.job_store import JobStore
from tasks.logs import get_logger

ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_max": 0}
"""A pooled connection may be stale after a restart of Redis; the second try has a new one."""

log = get_logger(__name__)


class Dispatcher:
    """Publishes jobs from the head of the line. A message that gets lost goes back to the line within seconds."""

    def __init__(self, store: JobStore, celery: Celery) -> None:
        self._store = store
        self._celery = celery

    def dispatch(self, model: str) -> int:
        """Publish what there is room for; how many."""
        job_ids = self._store.take(model)
        for number, job_id in enumerate(job_ids):
            if not self.publish(job_id, model):
                self._store.unpublish(model, job_ids[number:])
                return number
        return len(job_ids)

    def publish(self, job_id: str, model: str) -> bool:
        """Put one message on the model's queue; whether that went well."""
        try:
            self._celery.send_task(
                names.RUN_JOB, args=[job_id], task_id=job_id, queue=model, retry=True, retry_policy=ONCE_MORE
            )
        except OperationalError as exc:
            log.warning("message not published", job_id=job_id, model=model, error=str(exc))
            return False
        return True
