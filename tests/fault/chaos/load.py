"""So many jobs alive at any time: each thread submits one, follows it to its end, checks it, and takes the next."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from tests.fault.chaos.bodies import POOL, Order, random_order, undisturbed
from tests.fault.chaos.client import Client, GaveUp, Seen
from tests.fault.chaos.ledger import Ledger
from tests.fault.chaos.verify import Class, Violation, verify

TWICE = 0.1
"""Share of the requests that are sent once more after they were accepted."""


@dataclass(slots=True)
class Record:
    """What became of one order."""

    key: str
    order: Order
    job_id: str = ""
    """Empty until it is accepted."""
    status: str = ""
    """Empty until it has ended."""
    attempt: int = 0
    texts: list[str] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)
    violations: list[Violation] = field(default_factory=list)

    def blame(self, kind: Class, what: str) -> None:
        self.violations.append(Violation(kind, self.job_id, what))


class Load:
    """All the clients of a run.

    Args:
        count: clients, each with one job at a time.
    """

    def __init__(self, urls: Collection[str], ledger: Ledger, *, seed: int, count: int) -> None:
        self.records: list[Record] = []
        self._texts: Mapping[int, str] = {}  # of the pool, by number
        self._urls = urls
        self._ledger = ledger
        self._seed = seed
        self._count = count
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=2 * count)
        self._http = httpx.Client(timeout=httpx.Timeout(30, pool=None), limits=limits)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="client")
        self._loops: list[Future[None]] = []
        self._closing = threading.Event()
        self._over = threading.Event()

    def learn(self) -> None:
        """Run each body of the pool once, undisturbed, and keep its text."""
        clients = [self._client(f"pool-{number}") for number in range(len(POOL))]
        records = list(
            self._threads.map(
                lambda number: self._run(clients[number], undisturbed(number), f"pool-{number}"), range(len(POOL))
            )
        )
        self._texts = {number: record.texts[0] for number, record in enumerate(records) if record.texts}

    def begin(self) -> None:
        """Keep so many jobs alive, until `end`."""
        self._loops = [self._threads.submit(self._loop, number) for number in range(self._count)]

    def end(self, patience_seconds: float) -> None:
        """Take no more orders, and wait for the jobs that run; those that have not ended in time are lost."""
        self._closing.set()
        deadline = time.monotonic() + patience_seconds
        while not all(loop.done() for loop in self._loops) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.close()
        for loop in self._loops:
            loop.result()

    def close(self) -> None:
        """Leave every job where it is."""
        self._closing.set()
        self._over.set()
        self._threads.shutdown()
        self._http.close()

    def _client(self, name: str) -> Client:
        return Client(self._http, self._urls, rng=random.Random(f"{self._seed}-urls-{name}"), over=self._over)

    def _loop(self, number: int) -> None:
        rng, client, count = random.Random(f"{self._seed}-client-{number}"), self._client(str(number)), 0
        while not self._closing.is_set():
            count += 1
            self._run(client, random_order(rng), f"{self._seed}-{number}-{count}", twice=rng.random() < TWICE)

    def _run(self, client: Client, order: Order, key: str, *, twice: bool = False) -> Record:
        record = Record(key, order)
        self.records.append(record)
        try:
            self._carry_out(client, record, twice=twice)
        except GaveUp as exc:
            if record.job_id:
                record.blame("lost", f"it has not ended: {exc}")
        except Exception as exc:  # an answer of a shape that nobody foresaw; it must not end a long run
            record.blame("answer", f"it could not be checked: {exc!r:.300}")
        for surprise in client.surprises:
            record.blame("answer", surprise)
        client.surprises.clear()
        return record

    def _carry_out(self, client: Client, record: Record, *, twice: bool) -> None:
        order = record.order
        record.job_id = client.submit(order.body, record.key)
        if twice and (other := client.submit(order.body, record.key)) != record.job_id:
            record.blame("lost", f"the same request again was accepted as {other}")
        was_cancelled = self._watch(client, record) if order.watched else False
        job = client.ended(record.job_id)
        if job is None:
            record.blame("lost", "it was accepted, and is not known")
            return
        record.status, record.attempt = job["status"], job["attempt"]
        if job["result"]:
            record.texts = [choice["message"]["content"] for choice in job["result"]["choices"]]
        record.violations += verify(
            order,
            job,
            self._ledger.stream(record.job_id),
            seen=record.seen.events if order.watched else None,
            known=None if order.known is None else self._texts.get(order.known),
            was_cancelled=was_cancelled,
        )
        record.seen.events.clear()  # a long run has very many of them

    def _watch(self, client: Client, record: Record) -> bool:
        """Follow a job to its end, and cancel it on the way if that is asked; whether that was answered well."""
        tokens, was_cancelled = 0, False
        for event in client.follow(record.job_id, record.seen):
            tokens += event.event == "token"
            if event.event == "token" and tokens == record.order.cancel_after:
                was_cancelled = client.cancel(record.job_id)
        return was_cancelled
