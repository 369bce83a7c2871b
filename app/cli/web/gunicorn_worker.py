"""gunicorn's gevent worker, which waits neither for slow clients nor, when it stops, for those that ask nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import gevent
from gunicorn.workers.ggevent import GeventWorker

from app.cli.web.paced_socket import PacedSocket
from tasks.interpreter import take_short_turns
from tasks.texts import shown

GRACE_SECONDS = 0.5
"""A request that was on its way when we were told to stop has come by then."""


def _in_short(exc: BaseException) -> BaseException:
    """An error of the same kind that says less, if what it says is long."""
    text = shown(exc)
    if text == str(exc):
        return exc
    kind = type(exc)
    short = type(kind.__name__, (kind,), {"__init__": lambda _: None, "__str__": lambda _: text})()
    return cast("BaseException", short)


class Worker(GeventWorker):
    """Hangs up on idle connections when it stops. A request that runs has the graceful timeout to end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle: dict[gevent.Greenlet, tuple[gevent.Timeout, float]] = {}
        self._stopped_at = math.inf

    def init_process(self) -> None:
        """Serve, in this process."""
        take_short_turns()
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection, whose client has a least rate."""
        super().handle(listener, PacedSocket(client, body_seconds=self.app.body_seconds), addr)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer one request of a connection."""
        with sock.request():
            super().handle_request(listener_name, req, sock, addr)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer, and log, that a request cannot be read, with no more of it than a person needs."""
        super().handle_error(req, client, addr, _in_short(exc))

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """Around the wait for a connection's next request; ends the connection if it lasts too long."""
        greenlet = gevent.getcurrent()
        with gevent.Timeout(self.cfg.keepalive, False) as timeout:
            self._idle[greenlet] = timeout, time.monotonic()
            try:
                yield
            finally:
                del self._idle[greenlet]

    def notify(self) -> None:
        """Called every second, also while it stops."""
        super().notify()
        if not self.alive:
            self._stopped_at = min(self._stopped_at, time.monotonic())
            gevent.get_hub().loop.run_callback(self._hang_up)

    def _hang_up(self) -> None:
        """In the hub, where no greenlet can begin to work between the look and the throw."""
        for greenlet, (timeout, since) in list(self._idle.items()):
            if time.monotonic() >= max(since, self._stopped_at) + GRACE_SECONDS:
                greenlet.throw(timeout)
