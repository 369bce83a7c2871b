"""Celery's configuration, nothing else. The reasons for each value are in docs/architecture.md, "The Celery seam"."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection
from kombu.entity import Queue
from kombu.transport import TRANSPORT_ALIASES

from tasks.ledger.connection import options
from tasks.ledger.primary import Primary
from tasks.settings import Settings
from tasks.urls import redis_database, redis_socket, sentinels, server_url

SOCKET_TIMEOUT_SECONDS = 2.0
TRANSPORT = "caravan"
"""Our transport's name for kombu, which takes the transport that a socket's URL names, whatever the settings say."""
TRANSPORT_ALIASES[TRANSPORT] = "tasks.queue.transport:Transport"
RECONNECT_SECONDS = 0.5


class PromptConnection(Connection):
    """Tries again every half second: kombu waits two seconds longer after each failure, thirty at most."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        steady = {"interval_start": RECONNECT_SECONDS, "interval_step": 0, "interval_max": RECONNECT_SECONDS}
        return super().ensure_connection(*args, **{**steady, **options})


class PromptAmqp(AMQP):
    """Celery's ways to its broker, by connections of ours."""

    Connection = PromptConnection


def create_celery(settings: Settings, *, queues: tuple[str, ...] = (), prefetch: int = 1) -> Celery:
    """A Celery application over the broker's database.

    Args:
        queues: what a worker consumes; a publisher names its queue with each message.
        prefetch: messages a worker holds without having acknowledged them.
    """
    url, tls, others = _broker(settings.celery_broker_url)
    celery = Celery("caravan", broker=url, amqp=PromptAmqp, set_as_current=False)
    celery.conf.update(
        broker_use_ssl=tls,
        # The ledger keeps results and starts jobs again; Celery's own ways of doing so stay out of the way.
        task_ignore_result=True,
        task_acks_late=True,
        task_default_queue=queues[0] if queues else "unrouted",
        task_queues=[Queue(name) for name in queues] or None,
        broker_transport=TRANSPORT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_keepalive": True,  # kombu leaves both out for a socket of this machine
            "health_check_interval": 10,
            **others,
        },
        worker_concurrency=1,
        worker_pool="solo",
        worker_prefetch_multiplier=prefetch,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=True,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=True,
    )
    return celery


def create_celery_for_flower(settings: Settings) -> Celery:
    """The application that Flower watches. Over a socket it has kombu's own transport: Flower knows no other."""
    celery = create_celery(settings)
    celery.conf.broker_url = celery.conf.broker_url.replace(f"{TRANSPORT}+", "redis+")
    return celery


def _broker(url: str) -> tuple[str, dict[str, Any] | None, dict[str, Any]]:
    """A URL without its options, those of TLS, and the others: kombu takes each of them elsewhere, with its type."""
    parts, given = urlsplit(server_url(url)), options(url)
    if redis_socket(url):
        return f"{TRANSPORT}+socket://{parts.path}?virtual_host={redis_database(url)}", None, given
    tls = {name: value for name, value in given.items() if name.startswith("ssl_")}
    others = {name: value for name, value in given.items() if name not in tls}
    if sentinels(url):
        others["primary"] = Primary(url)
    is_tls = parts.scheme == "rediss"
    return parts._replace(query="").geturl(), {"ssl_cert_reqs": "required", **tls} if is_tls else None, others
