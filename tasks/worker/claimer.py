"""From a message to a job that is ours: claim it, and have it prepared."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from tasks.ledger.leases import Holder
from tasks.ledger.ledger import Ledger
from tasks.logs import get_logger
from tasks.worker.held import Held, Holdings
from tasks.worker.model_runner import ModelRunner
from tasks.worker.preparers import Preparers
from tasks.worker.until_redis_answers import UntilRedisAnswers

PAUSE_SECONDS = 0.05
MOST_AT_ONCE = 8
"""Messages that are worked through with one round trip."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Order:
    job_id: str
    cancels: bool = False


class Claimer:
    """Works through the ids of received messages, in order.

    Args:
        on_claimed: called with the id of a job that is ours now.
        on_refused: called with the id of a job that was not given to us, and its status.
    """

    def __init__(
        self,
        *,
        holder: Holder,
        model: str,
        ledger: Ledger,
        work: ModelRunner,
        holdings: Holdings,
        preparers: Preparers,
        until_redis_answers: UntilRedisAnswers,
        on_claimed: Callable[[str], None],
        on_refused: Callable[[str, str], None],
    ) -> None:
        self._holder = holder
        self._model = model
        self._ledger = ledger
        self._work = work
        self._holdings = holdings
        self._preparers = preparers
        self._until_redis_answers = until_redis_answers
        self._on_claimed = on_claimed
        self._on_refused = on_refused
        self._stopped = False
        self._inbox: SimpleQueue[_Order | None] = SimpleQueue()

    def claim(self, job_id: str) -> None:
        """Any thread: claim a job when its turn comes."""
        self._inbox.put(_Order(job_id))

    def cancel(self, job_id: str) -> None:
        """Any thread: cancel a job that was revoked through Celery."""
        self._inbox.put(_Order(job_id, cancels=True))

    def stop(self) -> None:
        """Any thread: claim no more. What is not acknowledged, the broker hands to another worker."""
        self._stopped = True
        self._inbox.put(None)

    def run(self) -> None:
        """Until `stop`."""
        while (order := self._inbox.get()) is not None and not self._stopped:
            orders = [order, *self._more()]
            for cancels, some in itertools.groupby(orders, lambda each: each.cancels):
                ids = list(dict.fromkeys(each.job_id for each in some))
                for job_id in ids if cancels else ():
                    self._cancel(job_id)
                if not cancels:
                    self._claim(ids)

    def _more(self) -> Iterator[_Order]:
        """What else has come, as much as is claimed at once."""
        for _ in range(MOST_AT_ONCE - 1):
            try:
                order = self._inbox.get_nowait()
            except Empty:
                return
            if order is None:
                self._inbox.put(None)
                return
            yield order

    def _cancel(self, job_id: str) -> None:
        self._until_redis_answers(lambda: self._ledger.admission.cancel(job_id))

    def _claim(self, job_ids: Sequence[str]) -> None:
        calls, slots = {job_id: uuid.uuid4().hex for job_id in job_ids}, self._work.num_slots
        free, obtainable = slots - self._holdings.num_open, slots - self._holdings.num_open_urgent
        claims = self._until_redis_answers(
            lambda: self._ledger.leases.claim_many(
                calls, self._holder, model=self._model, free_slots=free, obtainable_slots=obtainable
            )
        )
        ours = []
        for job_id, claim in zip(job_ids, claims or [], strict=False):
            if claim.job is None:
                log.info("message dropped", job_id=job_id, status=claim.status)
                self._on_refused(job_id, claim.status)
                continue
            held = Held(claim.job, num_open=self._work.num_parts(claim.job))
            self._holdings.add(held)
            self._on_claimed(job_id)
            log.info("job claimed", **held.named, attempt=held.job.attempt)
            ours.append(held)
        for held in ours:
            if self._stopped:
                return  # they are given back with the others
            if held.job.suspect:
                self._try_alone(held)
            else:
                self._preparers.put(held)

    def _try_alone(self, held: Held) -> None:
        """Begin a job that workers may have died of, with nothing beside it until it has a token, or has ended.

        If this worker dies meanwhile, the ledger knows by which job. So nothing else is being prepared then, and no
        other is claimed until it is over.
        """
        log.warning("a job is tried alone", **held.named, crashes=held.job.crashes)
        while not self._preparers.idle:
            if self._stopped:
                return  # it is given back with the others
            time.sleep(PAUSE_SECONDS)
        self._until_redis_answers(lambda: self._ledger.workers.begin_trial(self._holder.worker, held.id))
        self._preparers.put(held, alone=True)
        while self._holdings.get(held.id) is held and not self._stopped:
            if held.proven.wait(PAUSE_SECONDS):
                break
        self._until_redis_answers(lambda: self._ledger.workers.end_trial(self._holder.worker))
