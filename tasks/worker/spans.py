"""What a worker tells of a claim that is over: the reading of the prompt, the decoding, and the writing of the end.

The ledger tells of the attempt itself (`tasks/traces/transitions.py`). Times of this process' clock become those of
Redis by the one moment that both know: the claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.engine.embedding import Passage
from tasks.engine.sequence import Sequence as Generated
from tasks.traces.context import Context
from tasks.traces.span import JobTrace, Span, Value
from tasks.worker.held import Held


def attempt_spans(held: Held, now: float, *, written: bool) -> Iterator[Span]:
    """The spans of a claim that has ended.

    Args:
        now: on the clock of `time.monotonic`.
        written: whether it ended because this worker wrote the job's end.
    """
    trace = JobTrace.decode(held.job.trace)
    if trace is None:
        return
    zero = held.job.fence / 1000 - held.claimed_at
    attempt = trace.attempt(held.job.fence)
    last = now
    if begun := [sequence for sequence in held.sequences if sequence.started_at]:
        yield from _generated(held, begun, attempt, zero, now)
        last = max((sequence.ended_at for sequence in begun), default=0.0) or now
    elif run := [passage for passage in held.passages if passage.started_at]:
        yield _read(run, attempt, zero, now)
        last = max(passage.ended_at for passage in run) or now
    if written:
        publish = trace.root.derived("publish", str(held.job.fence))
        yield Span(name="publish", context=publish, parent=trace.root.span_id, start=zero + last, end=zero + now)


def _generated(held: Held, begun: Sequence[Generated], attempt: Context, zero: float, now: float) -> Iterator[Span]:
    started = min(sequence.started_at for sequence in begun)
    first = min((sequence.first_token_at for sequence in begun if sequence.first_token_at), default=0.0)
    prompts = [sequence for sequence in begun if sequence.index % sequence.params.n == 0]
    prefill: dict[str, Value] = {
        "gen_ai.usage.input_tokens": sum(sequence.num_prompt_tokens for sequence in prompts),
        "gen_ai.usage.cache_read.input_tokens": sum(sequence.num_cached_own for sequence in prompts),
    }
    if held.num_replayed:
        prefill["caravan.resumed_tokens"] = held.num_replayed
    yield Span(
        name="prefill",
        context=attempt.derived("prefill"),
        parent=attempt.span_id,
        start=zero + started,
        end=zero + (first or now),
        attributes=prefill,
    )
    if first:
        last = max(sequence.ended_at or now for sequence in begun)
        yield Span(
            name="decode",
            context=attempt.derived("decode"),
            parent=attempt.span_id,
            start=zero + first,
            end=zero + last,
            attributes=_decoding(held, begun, last - first),
        )


def _decoding(held: Held, begun: Sequence[Generated], seconds: float) -> dict[str, Value]:
    made = sum(sequence.num_generated for sequence in begun) - held.num_replayed
    figures: dict[str, Value] = {"gen_ai.usage.output_tokens": made}
    if seconds > 0:
        figures["caravan.tokens_per_second"] = round(made / seconds, 2)
    if drafted := sum(sequence.num_drafted for sequence in begun):
        accepted = sum(sequence.num_accepted for sequence in begun)
        figures |= {"caravan.drafted_tokens": drafted, "caravan.accepted_tokens": accepted}
    return figures


def _read(run: Sequence[Passage], attempt: Context, zero: float, now: float) -> Span:
    """Texts that only need to be read, for vectors or scores."""
    return Span(
        name="prefill",
        context=attempt.derived("prefill"),
        parent=attempt.span_id,
        start=zero + min(passage.started_at for passage in run),
        end=zero + max(passage.ended_at or now for passage in run),
        attributes={"gen_ai.usage.input_tokens": sum(len(passage.tokens) for passage in run)},
    )
