"""Kombu's Redis transport, as far as the ledger needs one: messages are hints, and none is kept."""

from __future__ import annotations

from queue import Empty
from typing import Any

from kombu.transport import redis
from redis.exceptions import ResponseError

from tasks.logs import get_logger

log = get_logger(__name__)


class Channel(redis.Channel):
    """Keeps no list of unacknowledged messages, and gives none back: the ledger publishes what nobody claimed again."""

    ack_emulation = False
    do_restore = False

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except (ValueError, TypeError, AttributeError) as exc:
            log.warning("an entry of the broker's list is no message; dropped", error=str(exc))
            raise Empty from exc


class Transport(redis.Transport):
    """Takes a refusal (a full disk, too few replicas, a demoted primary) for an absence, and connects again."""

    Channel = Channel

    connection_errors = (*redis.Transport.connection_errors, ResponseError)
