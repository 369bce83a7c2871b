"""From the engine's steps to the jobs' streams: all that has come up since the last call goes in one script call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from tasks.engine.backend import Logprobs
from tasks.engine.engine import Output
from tasks.errors import CaravanError
from tasks.ledger.leases import UNREAD, WRITTEN, Append, Holder, Leases, Verdict, Write
from tasks.logs import get_logger
from tasks.records.logprobs import TokenLogprobs
from tasks.worker.backoff import seconds_until_retry
from tasks.worker.hand_back import hand_back
from tasks.worker.held import Held, Holdings
from tasks.worker.pieces import Unwritten, due
from tasks.worker.until_redis_answers import UntilRedisAnswers

LEAST_SECONDS = 1e-4
"""As they are written; none are told of a piece that has no times."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A job to be ended: with an error, or well."""

    held: Held
    error: CaravanError | None = None


@dataclass(frozen=True, slots=True)
class _GivenBack:
    """A job that goes back to the line."""

    held: Held


@dataclass(frozen=True, slots=True)
class _Way:
    """How a job ends, or is put off: its status then, a detail for Flower, and what is written."""

    status: str
    detail: str
    write: Write


@dataclass(frozen=True, slots=True)
class _Followed:
    """A job that somebody reads from now on."""

    held: Held


_Item = list[Output] | _Ended | _GivenBack | _Followed | None


class Publisher:
    """Writes what the engine makes. What ends a job, or gives it back, comes through here: after its last token.

    Args:
        piece: gives the bytes of a token.
        name: gives those of a control token as well.
        on_lost: called with a held job that turned out not to be ours any more, and its present status.
        on_written: called with a job whose end was written.
        on_ended: called with a job that ended, its status, and a detail for Flower.
    """

    def __init__(
        self,
        *,
        holder: Holder,
        leases: Leases,
        holdings: Holdings,
        until_redis_answers: UntilRedisAnswers,
        piece: Callable[[int], bytes],
        name: Callable[[int], bytes],
        on_lost: Callable[[Held, str], None],
        on_written: Callable[[Held], None],
        on_ended: Callable[[Held, str, str], None],
    ) -> None:
        self._holder = holder
        self._leases = leases
        self._holdings = holdings
        self._until_redis_answers = until_redis_answers
        self._piece, self._name = piece, name
        self._on_lost = on_lost
        self._on_written = on_written
        self._on_ended = on_ended
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._unwritten: dict[Held, Unwritten] = {}

    def outputs(self, outputs: list[Output]) -> None:
        """Any thread: what one step made."""
        self._queue.put(outputs)

    def fail(self, held: Held, error: CaravanError) -> None:
        """Any thread: a job cannot be run."""
        self._queue.put(_Ended(held, error))

    def finish(self, held: Held) -> None:
        """Any thread: a job turned out to be finished already."""
        self._queue.put(_Ended(held))

    def give_back(self, held: Held) -> None:
        """Any thread: a job has given way to a more urgent one, and goes on elsewhere, or later."""
        self._queue.put(_GivenBack(held))

    def follow(self, held: Held) -> None:
        """Any thread: somebody reads a job's stream."""
        self._queue.put(_Followed(held))

    def stop(self) -> None:
        """Any thread: return from `run` once everything before this is written."""
        self._queue.put(None)

    def run(self) -> None:
        """Until `stop`."""
        stopping = False
        while not stopping:
            items = self._take()
            stopping = None in items
            self._gather(output for item in items if isinstance(item, list) for output in item)
            named = [item for item in items if isinstance(item, _Ended | _GivenBack | _Followed)]
            for item in named:
                item.held.is_unread = False
            finished = self._append(self._unwritten if stopping else self._due({item.held for item in named}))
            self._end([*map(_Ended, finished), *(item for item in named if isinstance(item, _Ended))])
            for item in named:
                if isinstance(item, _GivenBack):
                    self._give_back(item.held)

    def _take(self) -> list[_Item]:
        """What has come, once something has, or once something is to be written."""
        next_due = min(due(self._unwritten).values(), default=None)
        items = list[_Item]()
        try:
            items.append(self._queue.get(timeout=None if next_due is None else max(0.0, next_due - time.monotonic())))
            while True:
                items.append(self._queue.get_nowait())
        except Empty:
            return items

    def _due(self, at_once: set[Held]) -> list[Held]:
        now = time.monotonic()
        return [held for held, at in due(self._unwritten).items() if at <= now or held in at_once]

    def _append(self, jobs: Iterable[Held]) -> list[Held]:
        """Append what these jobs have; those that are finished with it."""
        made = {held: self._unwritten.pop(held) for held in list(jobs)}
        unwritten = {held: each for held, each in made.items() if self._holdings.get(held.id) is held}
        if not unwritten:
            return []
        parts = [Append(held.id, held.job.fence, len(held.events) + 1, made.events) for held, made in unwritten.items()]
        verdicts = self._send(parts)
        finished, now = [], time.monotonic()
        for held, part, verdict in zip(unwritten, parts, verdicts, strict=True):
            held.events += part.events
            pieces = unwritten[held].pieces
            held.num_open -= sum(piece.finish_reason is not None for piece in pieces.values())
            if verdict == "gap":  # Redis came back without its last moments: we have what it lost
                verdict = self._send_again(held)
            if verdict not in WRITTEN:
                self._on_lost(held, verdict)
                continue
            held.is_unread, held.written_at = verdict == UNREAD, now
            if pieces:
                held.proven.set()
            if held.num_open == 0:
                finished.append(held)
        return finished

    def _send(self, parts: list[Append]) -> list[Verdict]:
        return self._until_redis_answers(lambda: self._leases.append(self._holder, parts)) or ["unwritten"] * len(parts)

    def _send_again(self, held: Held) -> Verdict:
        return self._send([Append(held.id, held.job.fence, 1, held.events)])[0]

    def _gather(self, outputs: Iterable[Output]) -> None:
        now = time.monotonic()
        for output in outputs:
            held: Held = output.sequence.job  # type: ignore[assignment]
            if self._holdings.get(held.id) is not held:
                continue
            index = output.sequence.index
            if held not in self._unwritten:
                self._unwritten[held] = Unwritten(now)
            if output.progress is not None:
                self._unwritten[held].tell_progress(index, output.progress)
                continue
            piece = self._unwritten[held].piece(index)
            if index not in held.begun:
                held.begun.add(index)
                piece.syntax = held.syntax.encode()
                piece.prompt_tokens = output.sequence.num_prompt_tokens
                piece.cached_tokens = output.sequence.num_cached_own
                piece.prompt = held.echoes[index].text if held.echoes else ""
            if held.tells_times:
                first_at = output.sequence.first_token_at
                piece.prefill_seconds = max(LEAST_SECONDS, first_at - output.sequence.started_at)
                piece.decode_seconds = max(0.0, output.made_at - first_at)
            piece.text += output.text
            if output.token is not None:
                piece.tokens.append(output.token)
            if logprobs := [one.written() for one in (*self._of_prompt(held, output), *self._of_token(output))]:
                piece.logprobs += logprobs
                held.logprobs.setdefault(index, []).extend(logprobs)
            piece.finish_reason, piece.stop_string = output.finish_reason, output.sequence.stop_string

    def _of_token(self, output: Output) -> list[TokenLogprobs]:
        """Those of the token that was chosen, if they are asked for."""
        told = output.logprobs
        if told is None:
            return []
        ids = tuple(token for token, _ in told.top) if output.sequence.params.logprob_ids else ()
        return [TokenLogprobs(told.token, self._piece(told.token), told.logprob, self._top(told), ids)]

    def _of_prompt(self, held: Held, output: Output) -> list[TokenLogprobs]:
        """Those of the prompt's tokens, with a sequence's first output, if they are asked for."""
        sequence = output.sequence
        if not sequence.params.prompt_logprobs or sequence.index in held.logprobs:
            return []
        (first, *others), (piece, *pieces) = held.echoes[sequence.index].tokens, held.echoes[sequence.index].pieces
        rows = zip(others, pieces, output.prompt_logprobs, strict=True)
        rest = [TokenLogprobs(token, piece, one.logprob, self._top(one)) for token, piece, one in rows]
        return [TokenLogprobs(first, piece, None, ()), *rest]

    def _top(self, logprobs: Logprobs) -> tuple[tuple[bytes, float], ...]:
        """The likeliest tokens; control tokens, which have no text in an answer, by their names."""
        return tuple((self._piece(token) or self._name(token), logprob) for token, logprob in logprobs.top)

    def _give_back(self, held: Held) -> None:
        if self._holdings.get(held.id) is not held:
            return
        verdict = self._until_redis_answers(lambda: hand_back(self._leases, self._holder, held, "outranked"))
        if verdict is not None:
            self._on_lost(held, "queued" if verdict == "ok" else verdict)

    def _end(self, ended: Iterable[_Ended]) -> None:
        """End jobs in one round trip, so far as they are still held; each once."""
        ends = {each.held: each for each in ended if self._holdings.get(each.held.id) is each.held}
        if not ends:
            return
        ways = [self._way(end) for end in ends.values()]
        verdicts = self._until_redis_answers(lambda: self._leases.write([way.write for way in ways]))
        for held, way, verdict in zip(ends, ways, verdicts or [], strict=False):
            self._see(held, way, verdict)

    def _way(self, end: _Ended) -> _Way:
        held, job = end.held, end.held.job
        handed = (self._holder, job.id, job.fence, len(held.events))
        if end.error is None:
            outcome = held.outcome()
            tokens = f"{outcome.usage.completion_tokens} tokens"
            same_until = held.same_until if job.repeat else None
            written = self._leases.succeed(*handed, outcome, is_traced=bool(job.trace), same_until=same_until)
            return _Way("succeeded", tokens, written)
        error, wait = json.dumps(end.error.to_wire()), seconds_until_retry(job, end.error)
        if wait is None:
            return _Way("failed", end.error.message, self._leases.fail(*handed, error))
        return _Way("queued", end.error.message, self._leases.put_off(*handed, error, seconds=wait))

    def _see(self, held: Held, way: _Way, verdict: Verdict | None) -> None:
        if verdict == "gap" and self._send_again(held) in WRITTEN:
            again = self._until_redis_answers(lambda: self._leases.write([way.write]))
            verdict = again[0] if again else None
        if verdict == "ok":
            seconds = round(time.time() - held.job.created_at, 3)
            event = "job ended" if way.status != "queued" else "job put off"
            log.info(event, **held.named, status=way.status, seconds=seconds)
            self._on_written(held)
            self._on_ended(held, way.status, way.detail)
            held.release()
        elif verdict is not None:
            self._on_lost(held, verdict)
