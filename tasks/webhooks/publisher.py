"""Webhooks from the outbox to their receivers, by Celery tasks on the clerk's queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx

from tasks.ledger.connection import UNAVAILABLE, connect
from tasks.ledger.until_answered import until_answered
from tasks.logs import get_logger
from tasks.queue import task_names
from tasks.queue.poster import Poster
from tasks.queue.publisher import Publisher, create_publisher
from tasks.settings import Settings
from tasks.traces.tracer import Tracer
from tasks.webhooks import message, spans
from tasks.webhooks.outbox import Held, Outbox, open_outbox
from tasks.webhooks.owner_secrets import OwnerSecrets
from tasks.webhooks.schedule import seconds_until_next
from tasks.webhooks.send import GONE, Answer, Sender

log = get_logger(__name__)


class WebhookPublisher:
    """Publishes what is due, and does what was published. A message that gets lost is published again."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        publisher: Publisher,
        *,
        secrets: OwnerSecrets,
        schedule: Sequence[float],
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._outbox = outbox
        self._sender = sender
        self._poster = Poster(publisher, outbox.post, task=task_names.SEND_WEBHOOK, queue=task_names.WEBHOOKS_QUEUE)
        self._secrets = secrets
        self._schedule = schedule

    def run(self, stopping: threading.Event) -> None:
        """Publish until told to stop."""
        self._poster.run(stopping)

    def deliver(self, job_id: str) -> None:
        """What the Celery task does: one attempt, and then what there is room for because it is over."""
        try:
            held = self._outbox.claim(job_id)
            if held is not None:
                self._attempt(held)
                self._poster.post()
        except UNAVAILABLE as exc:
            log.warning("webhook left as it is; it is due again", job_id=job_id, error=str(exc))

    def _attempt(self, held: Held) -> None:
        span, began = spans.context_of(held), time.time()
        answer = self._send(held, self._secrets.signing(held.owner), span.headers if span else {})
        if span and self._tracer:
            self._tracer.emit([spans.attempt(held, span, answer, began=began, ended=time.time())])
        verdict, seconds = self._judge(held, answer)
        ours = self._settle(held, answer, verdict, seconds)
        log.info(
            "webhook sent" if answer.taken else "webhook not taken",
            job_id=held.job_id,
            request_id=held.fields.get("request_id", ""),
            origin=held.fields["origin"],
            attempt=held.attempts + 1,
            status=answer.status,
            error=answer.error,
            verdict=verdict if ours else "lost",
            **({"trace_id": span.trace_id} if span else {}),
        )

    def _send(self, held: Held, secrets: Sequence[str], traced: Mapping[str, str]) -> Answer:
        try:
            content = message.body(held.fields)
            headers = message.headers(held.message_id, content, secrets=secrets, now=datetime.now(UTC))
            return self._sender.post(held.fields["webhook"], content, {**headers, **traced})
        except Exception:  # a fault of ours is an attempt as well, or it would be tried for ever
            log.exception("webhook not sent", job_id=held.job_id, request_id=held.fields.get("request_id", ""))
            return Answer(error="internal_error")

    def _judge(self, held: Held, answer: Answer) -> tuple[str, float]:
        """What becomes of it: `Outbox.settle`'s verdict, and seconds."""
        if answer.taken:
            return "delivered", 0.0
        seconds = seconds_until_next(self._schedule, held.attempts + 1, retry_after_seconds=answer.retry_after_seconds)
        if seconds is None or answer.status == GONE:
            return "failed", 0.0
        return "pending", seconds

    def _settle(self, held: Held, answer: Answer, verdict: str, seconds: float) -> bool:
        """Write it down, through an absence of Redis as long as it is ours: else it would be sent again."""
        return until_answered(
            lambda: self._outbox.settle(held, verdict, seconds=seconds, status=answer.status, error=answer.error),
            seconds=self._outbox.lease_seconds,
        )


def open_webhook_publisher(settings: Settings, tracer: Tracer | None = None) -> WebhookPublisher:
    """A publisher with clients of its own."""
    sender = Sender(
        timeout_seconds=settings.webhook_timeout_seconds,
        allowed=settings.webhook_networks,
        ssl_context=httpx.create_ssl_context(),  # certifi's authorities, or those that SSL_CERT_FILE names
    )
    client = connect(settings.ledger_url)
    return WebhookPublisher(
        open_outbox(settings, client),
        sender,
        create_publisher(settings),
        secrets=OwnerSecrets(client, server=settings.webhook_secrets, shared=settings.webhook_shared_secrets),
        schedule=settings.webhook_schedule,
        tracer=tracer,
    )
