"""Kombu's Redis transport, with one fault mended."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis

from tasks.logs import get_logger

log = get_logger(__name__)


class QoS(redis.QoS):
    """Gives unacknowledged messages back when a channel closes, if the broker can still be reached."""

    def restore_unacked(self, client: Any = None) -> Any:
        """Restore, or leave it to the ledger.

        kombu 5.7 raises AttributeError here when the connection that broke has been taken away already; Celery takes
        that for an unrecoverable error and ends the worker, after any outage of some seconds.
        """
        try:
            return super().restore_unacked(client)
        except Exception as exc:
            log.warning("messages not given back to the broker; the ledger has their jobs", error=str(exc))
            self._delivered.clear()
            return []


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel
