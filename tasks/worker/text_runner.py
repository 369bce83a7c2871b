"""Jobs that generate text: a sequence for each prompt and choice, which goes on at the token where it was left."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from tasks.engine.backend import Backend
from tasks.engine.engine import Engine
from tasks.engine.pages.store import PageStore
from tasks.engine.speculation.speculation import Mode
from tasks.engine.taking import take
from tasks.errors import InvalidRequest
from tasks.records.event import Event
from tasks.records.job import Job
from tasks.worker.held import Held
from tasks.worker.kept_answers import same_until
from tasks.worker.prepare import answer_small, num_sequences, prepare, takes_long
from tasks.worker.proof import Begin, prove_generation
from tasks.worker.publisher import Publisher


class TextRunner:
    """The work of a model that generates.

    Args:
        across_owners: whether owners share prefixes: `share_prefixes` of the catalogue's entry.
        speculation: whether tokens are drafted, as the entry says.
        pages: where prefixes are kept beyond the cells, if the entry asks for it.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        across_owners: bool = False,
        speculation: Mode = "off",
        pages: PageStore | None = None,
    ) -> None:
        self.vocabulary = self._backend = backend
        self.num_slots, self.context = backend.num_slots, backend.context
        self.engine = Engine(
            backend,
            on_failed=self._note_failed,
            on_outranked=self._note_outranked,
            across_owners=across_owners,
            speculation=speculation,
            pages=pages,
        )
        self._failed: list[tuple[Held, str]] = []
        self._outranked: list[Held] = []

    @property
    def processor(self) -> str:
        return self._backend.processor

    @property
    def on_gpu(self) -> bool:
        return self._backend.on_gpu

    def prove(self, begin: Begin) -> None:
        prove_generation(self._backend, begin)

    def num_parts(self, job: Job) -> int:
        return num_sequences(job)

    def takes_long(self, job: Job) -> bool:
        return takes_long(job)

    def prepare(self, held: Held) -> None:
        held.sequences = prepare(held, self._backend)
        if held.job.repeat:
            held.same_until = same_until(held.job, self._backend)

    def submit(self, held: Held, events: Iterable[Event], *, alone: bool) -> bool:
        self._replay(held, events)
        unfinished = [sequence for sequence in held.sequences if not sequence.finish_reason]
        held.num_open = len(unfinished)
        for sequence in unfinished:
            sequence.alone = alone
            sequence.yields, sequence.spared_seconds = held.job.yields, held.job.spared_seconds
        self.engine.submit(unfinished)
        return bool(unfinished)

    def step(self, publisher: Publisher) -> None:
        if outputs := self.engine.step():
            publisher.outputs(outputs)
        for held, reason in self._failed:
            publisher.fail(held, InvalidRequest(reason))
        for held in self._outranked:
            publisher.give_back(held)
        self._failed.clear()
        self._outranked.clear()

    def answer_small(self, job: Job) -> Mapping[str, Any]:
        return answer_small(job, self._backend)

    def _note_failed(self, job: Hashable, reason: str) -> None:
        assert isinstance(job, Held)
        self._failed.append((job, reason))

    def _note_outranked(self, job: Hashable) -> None:
        assert isinstance(job, Held)
        self._outranked.append(job)

    def _replay(self, held: Held, events: Iterable[Event]) -> None:
        """Take up the tokens that earlier workers have sent; the sequences go on at the next ones."""
        for event in events:
            if event.type != "token":
                continue
            sequence = held.sequences[event.index]
            sequence.take_prompt_logprobs()  # they were told with the first token
            for token in event.tokens:
                take(sequence, token, self._backend)
            if event.finish_reason and not sequence.params.max_tokens and not event.tokens:
                sequence.finish_reason = "length"
            held.num_replayed += len(event.tokens)
            held.begun.add(event.index)
            if event.logprobs:
                held.logprobs.setdefault(event.index, []).extend(one.written() for one in event.logprobs)
