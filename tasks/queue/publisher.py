"""Messages to the broker. One that gets lost is published again by whoever keeps the line that it came from."""

from __future__ import annotations

from collections.abc import Sequence

from celery import Celery
from kombu import Producer
from kombu.exceptions import OperationalError

from tasks.logs import get_logger
from tasks.queue.celery_app import create_celery
from tasks.queue.message_template import MessageTemplate
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
        self._templates: dict[tuple[str, str], MessageTemplate] = {}

    def publish(self, task: str, argument: str, *, queue: str) -> bool:
        """Put one message on a queue; whether that went well."""
        try:
            self._celery.send_task(task, args=[argument], queue=queue, retry=True, retry_policy=ONCE_MORE)
        except OperationalError as exc:
            log.warning("message not published", task=task, id=argument, queue=queue, error=str(exc))
            return False
        return True

    def publish_many(self, task: str, task_ids: Sequence[str], *, queue: str) -> bool:
        """Put a message for each task on a queue, with its id as its argument, in one round trip; whether all went."""
        try:
            with self._celery.producer_or_acquire() as producer:
                put = producer.connection.ensure(
                    producer, lambda: self._put(producer, task, task_ids, queue), **ONCE_MORE
                )
                put()
        except OperationalError as exc:
            log.warning("messages not published", task=task, ids=list(task_ids), queue=queue, error=str(exc))
            return False
        return True

    def _put(self, producer: Producer, task: str, task_ids: Sequence[str], queue: str) -> None:
        if (task, queue) not in self._templates:
            self._templates[task, queue] = MessageTemplate.of(self._celery, producer, task=task, queue=queue)
        template = self._templates[task, queue]
        producer.channel.put_all(queue, [template.fill(task_id) for task_id in task_ids])

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
