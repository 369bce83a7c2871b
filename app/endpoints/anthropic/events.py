"""The stream of a message: a fold over its job's events. Pure."""

from __future__ import annotations

from app.endpoints.anthropic import wire
from app.endpoints.anthropic.content import Blocks
from app.endpoints.anthropic.message import begun, usage, why
from tasks.records.event import Event
from tasks.records.job import Job
from tasks.records.outcome import Outcome, Usage

UNKNOWN = Usage(prompt_tokens=0, completion_tokens=0)


class MessageEvents:
    """Makes the events of one message from its job's, which come in order from the first."""

    def __init__(self, job: Job, *, shows_thinking: bool = True) -> None:
        self._job, self._shows_thinking = job, shows_thinking
        self._begun = False
        self._blocks: Blocks | None = None

    def of(self, event: Event) -> list[wire.MessageEvent]:
        """The events for one token event."""
        read = Usage(prompt_tokens=event.prompt_tokens, completion_tokens=0, cached_tokens=event.cached_tokens)
        made = self._begin(read.repeated() if self._job.repeats else read)
        if self._blocks is None:
            self._blocks = Blocks(self._job, event.syntax, shows_thinking=self._shows_thinking)
        made += self._blocks.feed(event.text)
        if event.finish_reason:
            made += self._blocks.finish()
        return made

    def ping(self) -> list[wire.MessageEvent]:
        """What is told in a silence. A message that waits is begun: its tokens are told at its end."""
        return [*self._begin(UNKNOWN), {"type": "ping"}]

    def end(self, outcome: Outcome) -> list[wire.MessageEvent]:
        """The last events."""
        stopped = why(outcome, calls=self._blocks is not None and self._blocks.calls)
        ended: wire.MessageDelta = {"type": "message_delta", "delta": stopped, "usage": usage(outcome.usage)}
        return [*self._begin(UNKNOWN), ended, {"type": "message_stop"}]

    def _begin(self, counted: Usage) -> list[wire.MessageEvent]:
        if self._begun:
            return []
        self._begun = True
        return [{"type": "message_start", "message": begun(self._job, counted)}]
