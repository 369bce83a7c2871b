"""The engine: one step is schedule, run, postprocess."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue

from tasks.engine import prompt_logprobs
from tasks.engine.backend import Backend, BackendFailure, CacheFull, Logprobs, SequenceFailed
from tasks.engine.changes import carry_out
from tasks.engine.figures import EngineFigures
from tasks.engine.inbox import drain
from tasks.engine.pace import Pace
from tasks.engine.pages.pager import Pager
from tasks.engine.pages.store import PageStore
from tasks.engine.plan import Plan
from tasks.engine.progress import Progress, progress
from tasks.engine.samplers import await_samplers
from tasks.engine.scheduler import Scheduler
from tasks.engine.sequence import FinishReason, Sequence
from tasks.engine.slots import SlotPool
from tasks.engine.speculation.speculation import Mode, Speculation
from tasks.engine.step_clock import StepClock
from tasks.engine.taking import ends, take
from tasks.records.adapters import Adapters


@dataclass(frozen=True, slots=True)
class Output:
    """What one step made for one sequence: a token and the text that may be shown because of it."""

    sequence: Sequence
    token: int | None
    """None for a sequence that is to make none: its prompt was read."""
    text: str
    finish_reason: FinishReason | None
    """Set with the sequence's last token."""
    logprobs: Logprobs | None = None
    """If they were asked for; of the token that ends an answer only beside those of a prompt."""
    prompt_logprobs: tuple[Logprobs, ...] = ()
    """Of the prompt's tokens but the first, with the sequence's first output, if they were asked for."""
    progress: Progress | None = None
    """How far the prompt has been read, if that is asked for; then there is nothing else."""
    made_at: float = field(default_factory=time.monotonic)
    """On the clock of the sequence's times."""


class Engine:
    """Decodes sequences together. `submit` and `abort` may be called from any thread, `step` from one.

    Args:
        on_failed: called in `step` with a job that cannot go on, and why; its sequences are dropped.
        on_outranked: called in `step` with a job that lost a slot to a more urgent one. Unless it is aborted, it goes
            on when there is a slot again.
        across_owners: whether sequences share prefixes that another owner's computed.
        speculation: whether tokens are drafted; never where the model's memory cannot be cut.
        pages: where beginnings of texts are kept that have left the cells; never of such a model either.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        on_failed: Callable[[Hashable, str], None] | None = None,
        on_outranked: Callable[[Hashable], None] | None = None,
        across_owners: bool = False,
        speculation: Mode = "off",
        pages: PageStore | None = None,
    ) -> None:
        self._backend = backend
        self._on_failed = on_failed
        self._on_outranked = on_outranked
        slots = SlotPool(
            num_slots=backend.num_sequences,
            cache_tokens=backend.cache_tokens,
            can_share=backend.can_share,
            across_owners=across_owners,
        )
        self._pager: Pager | None = None
        if pages is not None and backend.can_share:
            self._pager = Pager(backend, slots, pages, across_owners=across_owners)
        for slot in range(backend.num_sequences):
            backend.forget(slot)
        backend.adapt(())
        self._scheduler = Scheduler(
            slots,
            max_running=backend.num_slots,
            batch_tokens=backend.batch_tokens,
            prompt_logits=prompt_logprobs.most_rows(backend.vocab_size),
            gathers=backend.tile_tokens > 1,
            restores=self._pager is not None,
        )
        self._speculation = Speculation(speculation if backend.can_share else "off")
        self._pace = Pace(backend.batch_tokens, tile_tokens=backend.tile_tokens)
        self._inbox: SimpleQueue[Sequence] = SimpleQueue()
        self._aborts: SimpleQueue[Hashable] = SimpleQueue()
        self._wake = threading.Event()
        self._adapters: Adapters = ()
        """What the model computes with now."""
        self.figures = EngineFigures()
        self._clock = StepClock()

    @property
    def clocks(self) -> tuple[StepClock, ...]:
        """Of the engine's steps, and of the threads that work for it."""
        return self._clock, *self._backend.clocks

    def submit(self, sequences: Iterable[Sequence]) -> None:
        """Hand over the sequences of a job; they begin in this order."""
        for sequence in sequences:
            sequence.submitted_at = time.monotonic()
            self._inbox.put(sequence)
        self._wake.set()

    def abort(self, job: Hashable) -> None:
        """Drop a job's sequences before the next step; no output of them follows after that."""
        self._aborts.put(job)
        self._wake.set()

    def wait(self, timeout_seconds: float) -> bool:
        """Sleep until there is something to do; whether there is."""
        if self._scheduler.busy or not self._inbox.empty():
            return True
        self._wake.wait(timeout_seconds)
        self._wake.clear()
        return self._scheduler.busy or not self._inbox.empty()

    def step(self) -> list[Output]:
        """Decode one batch; the tokens that it gave. Raises `BackendFailure`."""
        with self._clock.step():
            return self._step()

    def _step(self) -> list[Output]:
        self._receive()
        plan = self._schedule()
        outputs: list[Output] = []
        if plan.rows:
            began = time.monotonic()
            plan = self._run(plan)
            prompt_logprobs.note(plan, self._backend)
            self._time(plan, time.monotonic() - began)
            if self._pager:
                self._pager.save(plan.chunks)
            outputs = self._postprocess(plan)
            self._speculation.time(plan, time.monotonic() - began)
            if self._pager:
                self._pager.earn(time.monotonic() - began)
        self._gauge()
        return outputs

    def close(self) -> None:
        """Free samplers and model."""
        for sequence in (*self._scheduler.running, *self._scheduler.waiting):
            self._drop(sequence)
        if self._pager:
            self._pager.store.close()
        self._backend.close()

    def _receive(self) -> None:
        for sequence in drain(self._inbox):
            self._scheduler.add(sequence)
        for job in drain(self._aborts):
            for sequence in self._scheduler.of_job(job):
                self._drop(sequence)

    def _schedule(self, *, admit: bool = True) -> Plan:
        scheduler = self._scheduler
        await_samplers(scheduler.running)
        if admit and not scheduler.waiting:
            self._speculation.propose(scheduler.running, cells_free=scheduler.cells_free)
        prompt_tokens = self._pace.prompt_tokens(scheduler.num_decoding, scheduler.num_starting)
        if admit:
            scheduler.admit(time.monotonic())
            self._restore()
        plan = scheduler.plan(self._backend.fit(prompt_tokens), admit=False)
        for sequence in scheduler.take_outranked():
            self.figures.outranked += 1
            if self._on_outranked is not None:
                self._on_outranked(sequence.job)
        carry_out(scheduler.take_changes(), self._backend)
        return plan

    def _restore(self) -> None:
        """Load what sequences that have got slots do not need to compute."""
        if self._pager:
            carry_out(self._scheduler.take_changes(), self._backend)
            self._pager.restore(self._scheduler.running)

    def _run(self, plan: Plan) -> Plan:
        """Decode, with fewer sequences if the cache turns out to be too full; the plan that was run."""
        while True:
            try:
                self._decode(plan)
                return plan
            except CacheFull:
                for chunk in plan.chunks:
                    chunk.sequence.draft = []
                if not self._scheduler.refuse(plan):
                    raise BackendFailure("the KV cache does not hold one sequence; raise kv_tokens") from None
                plan = self._schedule(admit=False)

    def _decode(self, plan: Plan) -> None:
        if plan.adapters != self._adapters:
            self._backend.adapt(plan.adapters)
            self._adapters = plan.adapters
        self._backend.decode(plan.rows)

    def _time(self, plan: Plan, seconds: float) -> None:
        num_prompt_tokens = plan.num_prompt_tokens
        if not plan.num_drafted:
            self._pace.observe(num_decoding=plan.num_decoding, num_prompt_tokens=num_prompt_tokens, seconds=seconds)
        if num_prompt_tokens:
            self.figures.prefill_seconds += seconds
        else:
            self.figures.decode_seconds += seconds

    def _postprocess(self, plan: Plan) -> list[Output]:
        figures = self.figures
        sampled = [(chunk.sequence, chunk.row) for chunk in plan.chunks if chunk.row is not None]
        read: list[Output] = []
        for chunk in plan.chunks:
            sequence = chunk.sequence
            figures.prompt_tokens += max(0, min(chunk.count, sequence.num_prompt_tokens - sequence.num_computed))
            read += _progress(sequence)
            sequence.num_computed += chunk.count - chunk.num_drafted
            read += _progress(sequence)
        figures.steps += bool(sampled)
        figures.step_sequences += len(sampled)
        outputs, failed = self._sample(sampled)
        figures.generated_tokens += sum(output.token is not None for output in outputs)
        now = time.monotonic()
        for output in outputs:
            self._note(output, now)
            if output.finish_reason:
                self._drop(output.sequence)
        for job, reason in failed.items():
            self._fail(job, reason)
        return [*read, *outputs]

    def _sample(self, sampled: list[tuple[Sequence, int]]) -> tuple[list[Output], dict[Hashable, str]]:
        """The next tokens; and the jobs that cannot go on, with the reasons."""
        outputs: list[Output] = []
        failed: dict[Hashable, str] = {}
        for sequence, row in sampled:
            try:
                outputs.append(self._next_token(sequence, row))
                if sequence.draft:
                    outputs += self._check_draft(sequence, row)
            except SequenceFailed as exc:
                failed[sequence.job] = str(exc)
        return outputs, failed

    def _check_draft(self, sequence: Sequence, row: int) -> list[Output]:
        """The tokens behind the one that `row` gave, as long as each one that was drafted is the one that came."""
        outputs: list[Output] = []
        for drafted in sequence.draft:
            if sequence.finish_reason or sequence.tokens[-1] != drafted:
                break
            sequence.num_computed += 1
            outputs.append(self._next_token(sequence, row + len(outputs) + 1))
        if rejected := len(sequence.draft) - len(outputs):
            self._scheduler.take_back(sequence, rejected)
        self._speculation.observe(sequence, len(outputs))
        return outputs

    def _note(self, output: Output, now: float) -> None:
        sequence, figures = output.sequence, self.figures
        if not sequence.first_token_at:
            sequence.first_token_at = now
            figures.queue_seconds += sequence.started_at - sequence.submitted_at
        if sequence.alone:
            self._scheduler.trust(sequence.job)
        if output.finish_reason:
            sequence.ended_at = now
            figures.cached_tokens += sequence.num_cached or 0

    def _fail(self, job: Hashable, reason: str) -> None:
        for sequence in self._scheduler.of_job(job):
            self._drop(sequence)
        if self._on_failed is None:
            raise BackendFailure(reason)
        self._on_failed(job, reason)

    def _next_token(self, sequence: Sequence, row: int) -> Output:
        of_prompt = sequence.take_prompt_logprobs()
        if sequence.params.max_tokens == 0:
            sequence.finish_reason = "length"
            return Output(sequence, None, "", sequence.finish_reason, prompt_logprobs=of_prompt)
        if sequence.sampler is None:
            prompt = sequence.tokens[: sequence.num_prompt_tokens]
            sequence.sampler = self._backend.sampler(sequence.params, sequence.index, prompt)
            for token in sequence.generated:
                sequence.sampler.accept(token)
        token = sequence.sampler.sample(row, sequence.num_generated)
        logprobs = sequence.sampler.logprobs
        if not sequence.params.prompt_logprobs and ends(sequence, token, self._backend):
            logprobs = None
        text = take(sequence, token, self._backend)
        return Output(sequence, token, text, sequence.finish_reason, logprobs, of_prompt)

    def _drop(self, sequence: Sequence) -> None:
        self._scheduler.remove(sequence)
        if self._pager:
            self._pager.end(sequence)
        if sequence.sampler is not None:
            sequence.sampler.close()
            sequence.sampler = None

    def _gauge(self) -> None:
        figures = self.figures
        figures.running = len(self._scheduler.running)
        figures.waiting = len(self._scheduler.waiting)
        figures.cells_used = self._scheduler.cells_used
        figures.set_back = self._scheduler.num_set_back
        figures.shared_out = self._scheduler.num_shared_out
        figures.drafted_tokens = self._speculation.num_drafted
        figures.accepted_tokens = self._speculation.num_accepted
        if self._pager:
            self._pager.gauge(figures)


def _progress(sequence: Sequence) -> list[Output]:
    told = progress(sequence, time.monotonic()) if sequence.tells_progress else None
    return [Output(sequence, None, "", None, progress=told)] if told else []
