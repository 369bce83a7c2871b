"""Messages to the broker. One that gets lost is published again by whoever keeps the line that it came from."""

from __future__ import annotations

from celery import Celery
from kombu.exceptions import OperationalError

from tasks.logs import get_logger
from tasks.queue.celery_app import create_celery
from tasks.settings import Settings

SOCKET_TIMEOUT_SECONDS = 2.0
"""A command waits so long at most for an answer."""
ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_max": 0}
"""A pooled connection may be stale after a restart of Redis; the second try has a new one."""

log = get_logger(__name__)


class Publisher:
    """Sends tasks, each with an id of the ledger's as its only argument."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery

    def publish(self, task: str, argument: str, *, queue: str, task_id: str | None = None) -> bool:
        """Put one message on a queue; whether that went well."""
        try:
            self._celery.send_task(
                task, args=[argument], task_id=task_id, queue=queue, retry=True, retry_policy=ONCE_MORE
            )
        except OperationalError as exc:
            log.warning("message not published", task=task, id=argument, queue=queue, error=str(exc))
            return False
        return True

    def close(self) -> None:
        """Close the connections to the broker that this application has made."""
        self._celery.close()


def create_publisher(settings: Settings) -> Publisher:
    """A publisher of its own connections, which it makes when they are needed."""
    celery = create_celery(settings)
    celery.conf.broker_transport_options = {
        **celery.conf.broker_transport_options,
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
    }
    return Publisher(celery)
