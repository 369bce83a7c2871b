"""``caravan flower``."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import click

from app.cli.web.exposure import insecure_option, refuse_exposure
from app.cli.web.ports import PORT, refuse_taken
from app.http.hosts import is_cross_site, is_known, own_names
from tasks import logs
from tasks.environment import read_settings
from tasks.ledger.connection import options
from tasks.queue.celery_app import create_celery_for_flower
from tasks.settings import Settings
from tasks.urls import Sentinels, redis_database, sentinels

OWN_LOGINS = ("FLOWER_BASIC_AUTH", "FLOWER_AUTH")
"""Flower's own settings that make it ask for a login."""
MAX_TASKS = 10_000
"""Tasks that Flower remembers unless FLOWER_MAX_TASKS says otherwise, some 60 MiB; by itself ten times that."""


@click.command("flower")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to bind.")
@click.option("--port", type=PORT, default=5555, show_default=True, help="The port to bind.")
@insecure_option
def command(host: str, port: int, insecure: bool) -> None:
    """Run Flower over the broker. FLOWER_* environment variables are Flower's own settings.

    With CARAVAN_KEYS it requires a login: the user admin with the password of CARAVAN_FLOWER_PASSWORD.
    """
    settings = read_settings()
    logs.configure(settings, "flower")
    refuse_exposure(host, keys=settings.keys, insecure=insecure)
    refuse_taken(host, port)
    # Started from here and not as a command of its own, so that no password is in a process list.
    login = _login(settings)
    if login or has_login():
        _guard_metrics()
    else:
        _refuse_other_sites({*own_names(host), *own_names(settings.host), *settings.hosts})
    _read_the_sockets_database()
    if group := sentinels(settings.celery_broker_url):
        _count_at_the_primary(settings.celery_broker_url, group)
    max_tasks = os.environ.get("FLOWER_MAX_TASKS") or MAX_TASKS
    options = [f"--address={host}", f"--port={port}", f"--max-tasks={max_tasks}"]
    if "FLOWER_CONF" not in os.environ:
        options.append(f"--conf={os.devnull}")  # by itself it runs a flowerconfig.py of the working folder
    create_celery_for_flower(settings).start(argv=["flower", *options, *login])


def has_login() -> bool:
    """Whether the environment gives Flower a login of its own."""
    return any(os.environ.get(own) for own in OWN_LOGINS)


def _login(settings: Settings) -> list[str]:
    """Flower's options for a login: Flower shows all jobs, and can cancel any."""
    if has_login() or (settings.flower_password is None and not settings.keys):
        return []
    if settings.flower_password is None:
        raise click.ClickException("Flower is for admins. Set CARAVAN_FLOWER_PASSWORD, or one of Flower's own logins.")
    return [f"--basic-auth=admin:{settings.flower_password.get_secret_value()}"]


def _guard_metrics() -> None:
    """Have /metrics ask for the login as well: Flower 2.2 leaves it open (flower/views/monitor.py)."""
    from flower.views.monitor import Metrics
    from tornado.web import authenticated

    Metrics.get = authenticated(Metrics.get)


def _refuse_other_sites(names: Collection[str]) -> None:
    """Have every page refuse what the front refuses while keys are off: without a login Flower 2.2 looks at nothing."""
    from flower.api import BaseApiHandler
    from flower.views import BaseHandler
    from tornado.web import HTTPError

    def after_a_look(prepare: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def prepared(handler: Any) -> Any:
            headers = handler.request.headers
            if not is_known(headers.get("Host", ""), names):
                raise HTTPError(403, "Unknown Host: add it to CARAVAN_HOSTS, or turn keys on")
            if is_cross_site(handler.request.method, headers):
                raise HTTPError(403, "Pages of other sites may not call this")
            return prepare(handler)

        return prepared

    for kind in (BaseHandler, BaseApiHandler):
        kind.prepare = after_a_look(kind.prepare)


def _read_the_sockets_database() -> None:
    """Have a socket's database be that of its URL: Flower 2.2 counts in database 0 (flower/utils/broker.py)."""
    from flower.utils import broker

    class RedisSocket(broker.RedisSocket):  # type: ignore[misc]
        def __init__(self, broker_url: str, *args: Any, **options: Any) -> None:
            super().__init__(broker_url, *args, **options)
            url = urlsplit(broker_url)
            database = parse_qs(url.query).get("virtual_host", ["0"])[0]
            self.redis.connection_pool.connection_kwargs.update(path=unquote(url.path), db=int(database))

    broker.RedisSocket = RedisSocket


def _count_at_the_primary(url: str, group: Sentinels) -> None:
    """Have the queues be counted where sentinels say: Flower 2.2 knows one sentinel, and counts in database 0."""
    from flower.utils import broker
    from redis.asyncio.sentinel import Sentinel

    own: dict[str, Any] = {"username": group.user, "password": group.password, "socket_timeout": 1.0}
    secure = {"ssl": True, **{name: value for name, value in options(url).items() if name.startswith("ssl_")}}
    tls: dict[str, Any] = secure if url.startswith("rediss") else {}

    class Redis(broker.Redis):  # type: ignore[misc]
        def _get_redis_client(self) -> Any:
            login = {"username": self.username, "password": self.password, "db": redis_database(url)}
            options = {"socket_timeout": 2.0, **login, **tls}
            self.group = Sentinel(list(group.addresses), sentinel_kwargs={**own, **tls}, **options)  # type: ignore[no-untyped-call]
            return self.group.master_for(group.service)

        async def queues(self, names: Collection[str]) -> Any:
            try:
                return await super().queues(names)
            finally:
                for each in self.group.sentinels:
                    await each.aclose()

    broker.Redis = broker.RedisSsl = Redis
