"""What a worker holds: a claimed job, from the claim until it has ended, was lost or was given back."""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.answers.syntax import PLAIN, Syntax
from tasks.engine.embedding import Passage
from tasks.engine.sequence import Sequence
from tasks.records.event import TELLS_TIMES
from tasks.records.job import Job, Operation
from tasks.records.logprobs import WrittenLogprobs, WrittenToken
from tasks.records.outcome import Choice, Outcome, Timings, Usage
from tasks.records.shown_tokens import of_shown
from tasks.traces.span import trace_id_of
from tasks.worker.echo import Echo


@dataclass(eq=False, slots=True)
class Held:
    """One claimed job. Compared by identity: a job that was lost and claimed again is another `Held`."""

    job: Job
    sequences: list[Sequence] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    """Of a job that asks for vectors or scores; it has no sequences."""
    logprobs: dict[int, list[WrittenToken]] = field(default_factory=dict)
    """By choice, if they were asked for."""
    events: list[str] = field(default_factory=list)
    """All that were sent under this claim's fence, from number 1 on; 0 was the claim's own."""
    proven: threading.Event = field(default_factory=threading.Event)
    """Set once tokens of this claim are in the stream."""
    is_unread: bool = False
    """Whether what was last written of it has reached nobody, and nobody has come since."""
    written_at: float = -math.inf
    """When its last piece was written, on the clock of `time.monotonic`."""
    claimed_at: float = field(default_factory=time.monotonic)
    ready: object = None
    """Keeps ready what its sequences are sampled with."""
    syntax: Syntax = PLAIN
    """How the model writes tool calls and reasoning."""
    echoes: list[Echo] = field(default_factory=list)
    """The prompt of each choice, if it is to be told."""
    begun: set[int] = field(default_factory=set)
    """Choices of which a piece was written; the first tells the syntax."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The answer to what needs no slot; of a job that ignores them, the tokens that end an answer."""
    same_until: float = math.inf
    """When its request makes another prompt, since the template tells the time; in seconds since the epoch."""
    num_replayed: int = 0
    """Tokens that earlier attempts generated."""
    num_open: int = 0
    """Sequences whose last token is not yet in the stream, or passages that were not run."""

    @property
    def id(self) -> str:
        return self.job.id

    @property
    def tells_times(self) -> bool:
        """Whether each piece of its stream tells how long it took so far."""
        return bool(self.job.request.get(TELLS_TIMES))

    @property
    def named(self) -> dict[str, str]:
        """What its lines in the log are found by."""
        trace = {"trace_id": trace_id_of(self.job.trace)} if self.job.trace else {}
        return {"job_id": self.job.id, "request_id": self.job.request_id, **trace}

    def release(self) -> None:
        """Let go of what it was run with, once it has ended.

        Its sequences name it, and it names them. Left so, jobs and their grammars wait for Python's collector, which
        frees those of many seconds at once and stops every thread meanwhile.
        """
        self.sequences, self.passages, self.ready = [], [], None

    def outcome(self) -> Outcome:
        """What the finished sequences give."""
        choices = tuple(
            Choice(
                index=sequence.index,
                text=sequence.text,
                finish_reason=sequence.finish_reason or "stop",
                prompt=self.echoes[sequence.index].text if self.echoes else "",
                logprobs=self._logprobs(sequence),
                stop_string=sequence.stop_string,
            )
            for sequence in self.sequences
        )
        prompts = self.sequences[:: self.sequences[0].params.n] if self.sequences else []
        usage = Usage(
            prompt_tokens=sum(sequence.num_prompt_tokens for sequence in prompts)
            + sum(len(passage.tokens) for passage in self.passages),
            completion_tokens=sum(sequence.num_generated for sequence in self.sequences),
            cached_tokens=sum(sequence.num_cached_own for sequence in prompts),
        )
        return Outcome(
            choices=choices,
            usage=usage,
            timings=self._passage_timings() or self._timings(usage.completion_tokens - self.num_replayed),
            syntax=self.syntax.encode() if self.job.operation.converses else "",
            data=self._made() if self.passages else self.data,
        )

    def _made(self) -> dict[str, Any]:
        """The scores of pairs. Or the vectors of texts, and how many each has, if each of its tokens has one."""
        if self.job.operation is Operation.RERANK:
            return {"scores": [float(passage.vector[0]) for passage in self.passages if passage.vector is not None]}
        made: dict[str, Any] = {"vectors": [_encode(passage) for passage in self.passages]}
        shapes = [passage.vector.shape for passage in self.passages if passage.vector is not None]
        return {**made, "tokens": [shape[0] for shape in shapes]} if len(shapes[0]) > 1 else made

    def _logprobs(self, sequence: Sequence) -> WrittenLogprobs | None:
        """The logprobs of a choice, if they were asked for: tokens of a stop string are told as little as its text."""
        if sequence.params.logprobs is None:
            return None
        num_prompt = sequence.num_prompt_tokens if sequence.params.prompt_logprobs else 0
        return WrittenLogprobs(of_shown(sequence.text, self.logprobs.get(sequence.index, ()), num_prompt=num_prompt))

    def _timings(self, num_generated: int) -> Timings | None:
        """None for a job that was finished before this worker had it."""
        timed = [sequence for sequence in self.sequences if sequence.ended_at]
        if not timed:
            return None
        started = min(sequence.started_at for sequence in timed)
        first = min(sequence.first_token_at for sequence in timed)
        decoding = max(sequence.ended_at for sequence in timed) - first
        return Timings(
            queue_seconds=self._queue_seconds(started),
            prefill_seconds=round(first - started, 4),
            decode_seconds=round(decoding, 4),
            tokens_per_second=round(num_generated / decoding, 2) if decoding else None,
            drafted_tokens=sum(sequence.num_drafted for sequence in timed),
            accepted_tokens=sum(sequence.num_accepted for sequence in timed),
        )

    def _passage_timings(self) -> Timings | None:
        """Nothing is decoded for vectors; other jobs' passages that were run between this one's count as well."""
        if not self.passages:
            return None
        started = min(passage.started_at for passage in self.passages)
        running = max(passage.ended_at for passage in self.passages) - started
        return Timings(
            queue_seconds=self._queue_seconds(started),
            prefill_seconds=round(running, 4),
            decode_seconds=0.0,
            tokens_per_second=None,
        )

    def _queue_seconds(self, started: float) -> float:
        """From the job's acceptance until a time of this process' clock."""
        before = (self.job.started_at or self.job.created_at) - self.job.created_at
        return round(before + started - self.claimed_at, 4)


def _encode(passage: Passage) -> str:
    """A vector as base64 of little-endian 32-bit floats: the exact numbers, in less room than digits take."""
    assert passage.vector is not None
    return base64.b64encode(passage.vector.astype("<f4").tobytes()).decode()


class Holdings:
    """All that the worker holds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def num_open(self) -> int:
        """Sequences of held jobs that have not ended."""
        with self._lock:
            return sum(held.num_open for held in self._held.values())

    @property
    def num_open_urgent(self) -> int:
        """Those of jobs that do not give way."""
        with self._lock:
            return sum(held.num_open for held in self._held.values() if not held.job.yields)

    def add(self, held: Held) -> None:
        with self._lock:
            self._held[held.id] = held

    def get(self, job_id: str) -> Held | None:
        return self._held.get(job_id)

    def drop(self, held: Held) -> bool:
        """Hold a job no more; whether it was still held."""
        with self._lock:
            if self._held.get(held.id) is not held:
                return False
            del self._held[held.id]
            return True

    def all(self) -> list[Held]:
        with self._lock:
            return list(self._held.values())

    def leases(self) -> dict[str, int]:
        """Fence by job id."""
        with self._lock:
            return {job_id: held.job.fence for job_id, held in self._held.items()}
