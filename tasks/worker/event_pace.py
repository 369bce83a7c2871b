"""Celery's events, sent together some times a second: one by one they take longer than a short job itself."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

FLUSH_SECONDS = 0.1
"""Celery's consumer sends what is buffered at its loop's next turn, so a message for each event if few come at once."""


class EventPace(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """A step of Celery's consumer. It is made before the consumer's dispatcher of events is, which is given our say."""

    requires = ("celery.worker.consumer:Connection",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._consumer = consumer
        self._is_due = False
        consumer.on_send_event_buffered = self._on_buffered

    def start(self, consumer: Any) -> None:
        """Nothing: it is the consumer that calls."""

    def stop(self, consumer: Any) -> None:
        """Send what is buffered, while there is a connection."""
        self._flush()

    def _on_buffered(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._consumer.hub.call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._is_due = False
        if self._consumer.event_dispatcher:
            self._consumer.event_dispatcher.flush()
