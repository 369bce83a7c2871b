"""Celery's configuration, nothing else. The reasons for each value are in docs/architecture.md, "The Celery seam"."""

from __future__ import annotations

from celery import Celery
from kombu.entity import Queue

from tasks.settings import Settings

SOCKET_TIMEOUT_SECONDS = 2.0


def create_celery(settings: Settings, *, queues: tuple[str, ...] = (), prefetch: int = 1) -> Celery:
    """A Celery application over the broker's database.

    Args:
        queues: what a worker consumes; a publisher names its queue with each message.
        prefetch: messages a worker holds without having acknowledged them.
    """
    celery = Celery("caravan", broker=settings.celery_broker_url, set_as_current=False)
    celery.conf.update(
        # The ledger keeps results and starts jobs again; Celery's own ways of doing so stay out of the way.
        task_ignore_result=True,
        task_acks_late=True,
        task_default_queue=queues[0] if queues else "unrouted",
        task_queues=[Queue(name) for name in queues] or None,
        broker_transport="tasks.queue.transport:Transport",
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        worker_concurrency=1,
        worker_pool="solo",
        worker_prefetch_multiplier=prefetch,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=True,
    )
    return celery
