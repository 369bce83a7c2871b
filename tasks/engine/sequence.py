"""The engine's state of one completion."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from enum import Enum, auto
from typing import Literal

from tasks.engine.backend import Logprobs, Sampler
from tasks.engine.detokenizer import Detokenizer
from tasks.engine.slots import Slot
from tasks.engine.stop_strings import StopStrings
from tasks.records.adapters import Adapters
from tasks.records.sampling import SamplingParams

FinishReason = Literal["stop", "length"]


class SequenceState(Enum):
    WAITING = auto()
    PREFILLING = auto()
    DECODING = auto()
    FINISHED = auto()


class Sequence:
    """One completion: its tokens, how many of them the cache holds, and the text made of them.

    Times are those of the engine's clock, 0 before they come: handed over, first in a slot, first token, last token.

    `alone` says that nothing else may be decoded beside it, until its job's next token. One that `yields` waits
    behind those that do not, and gives its slot to them; not so while it is spared, which it is until `spared_seconds`
    after its job's first slot.

    There is one rule for prefill and decode: the tokens from `num_computed` on are still to be run, and running the
    last of them gives the next. A sequence that was set back, or that another worker began, has tokens generated
    already and `num_computed` 0: it is prefilled again, generated tokens included, and goes on.
    """

    def __init__(
        self,
        *,
        job: Hashable,
        index: int,
        prompt: list[int],
        params: SamplingParams,
        context: int,
        stops: StopStrings | None = None,
        owner: Hashable = None,
        weight: float = 1.0,
        tells_progress: bool = False,
        adapters: Adapters = (),
    ) -> None:
        """`stops` looks for the stop strings elsewhere than in all of the text.

        `owner` is whose prefixes it shares, and who shares slots with other owners, by `weight`. `adapters` are what
        it is computed with.
        """
        self.job = job
        self.owner = owner
        self.weight = weight
        self.adapters = adapters
        self.last_batch = 0
        """The number of its last batch, where there are several sets of adapters."""
        self.index = index
        self.params = params
        self.tokens = list(prompt)
        self.num_prompt_tokens = len(prompt)
        self.num_computed = 0
        self.num_cached: int | None = None
        """Tokens of the prompt that were not computed, since a slot held them; None before the first slot."""
        self.num_cached_own = 0
        """Those of them that its owner had computed itself: of no others may it be told."""
        self.num_restored = 0
        """Tokens that were loaded from a page, in all its slots."""
        self.restoring = False
        """Whether there may be pages to load before any of its tokens is computed."""
        self._num_starts = 0
        self.slot: Slot | None = None
        self.sampler: Sampler | None = None
        self.ready = True
        """Whether its next token can be chosen as soon as the logits are there; else it sits out a batch."""
        self.alone = False
        self.yields = False
        self.spared_seconds = 0.0
        self.spared_until = math.inf
        self.waiting_since = 0.0
        self.place = 0
        """In the line of those without a slot."""
        self.prompt_logprobs: list[Logprobs] | None = [] if params.prompt_logprobs else None
        """Of the prompt's tokens but the first, as far as they are known; None if nobody asks, or they were told."""
        self.tells_progress = tells_progress
        """Whether somebody asks how far its prompt has been read."""
        self.told_processed: int | None = None
        """What was told of that last: how many tokens of the prompt are there."""
        self.draft: list[int] = []
        """Tokens that may come next; the next step runs them as well."""
        self.num_drafted = self.num_accepted = 0
        """Tokens that were drafted here, and those of them that came true."""
        self.text = ""
        self.submitted_at = self.started_at = self.first_token_at = self.ended_at = 0.0
        self.finish_reason: FinishReason | None = None
        self._context = context
        self._detokenizer = Detokenizer()
        self._stops = stops or StopStrings(params.stop)

    @property
    def state(self) -> SequenceState:
        if self.finish_reason:
            return SequenceState.FINISHED
        if self.slot is None:
            return SequenceState.WAITING
        return SequenceState.DECODING if self.decodes else SequenceState.PREFILLING

    @property
    def stop_string(self) -> str:
        """The stop string that ended it; '' if none did."""
        return self._stops.found

    @property
    def num_generated(self) -> int:
        return len(self.tokens) - self.num_prompt_tokens

    @property
    def num_left(self) -> int:
        """Tokens that may still be generated."""
        room, limit = self._context - len(self.tokens), self.params.max_tokens
        return room if limit is None else min(room, limit - self.num_generated)

    @property
    def num_pending(self) -> int:
        """Tokens still to be run: 1 while decoding, more while prefilling."""
        return len(self.tokens) - self.num_computed

    @property
    def generated(self) -> list[int]:
        return self.tokens[self.num_prompt_tokens :]

    @property
    def gives_way(self) -> bool:
        """Whether more urgent sequences go before it."""
        return self.yields and not self.spared_seconds

    @property
    def decodes(self) -> bool:
        """Whether one generated token is all that is still to be run."""
        return len(self.tokens) == self.num_computed + 1 > self.num_prompt_tokens

    @property
    def shareable(self) -> list[int]:
        """The tokens up to the first that has to be run here, since its logits are asked for; all, if none are."""
        return self.tokens if self.prompt_logprobs is None else self.tokens[: len(self.prompt_logprobs) + 1]

    def tells_logprobs(self, position: int) -> bool:
        """Whether the logits after a token of the prompt say how likely the next one was, and that is not known."""
        known = self.prompt_logprobs
        return known is not None and len(known) <= position < self.num_prompt_tokens - 1

    def take_prompt_logprobs(self) -> tuple[Logprobs, ...]:
        """Those of the prompt, once; they go with the first token."""
        taken, self.prompt_logprobs = self.prompt_logprobs or (), None
        return tuple(taken)

    def start(self, num_shared: int, *, num_own: int | None = None) -> None:
        """Begin in `slot`, which holds so many of the tokens already, so many of them by the owner; None: all."""
        self.num_computed = num_shared
        self._num_starts += 1
        self.started_at = self.started_at or time.monotonic()
        if self.num_cached is None:
            self.num_cached = min(num_shared, self.num_prompt_tokens)
            self.num_cached_own = self.num_cached if num_own is None else min(num_own, self.num_cached)

    def restore(self, count: int, *, is_own: bool) -> None:
        """So many tokens more are in its slot that were computed before; whether by its owner.

        Only those of the first slot are told as cached.
        """
        knows_all = self.num_cached_own == self.num_cached
        self.num_computed += count
        self.num_restored += count
        if self._num_starts == 1:
            self.num_cached = min(self.num_computed, self.num_prompt_tokens)
            self.num_cached_own = self.num_cached if is_own and knows_all else self.num_cached_own

    def set_back(self) -> None:
        """Lose the slot and all that was computed in it; the tokens stay."""
        self.slot, self.num_computed, self.draft, self.restoring = None, 0, [], False

    def extend(self, token: int, piece: bytes, *, ends: bool) -> str:
        """Take the next token; the text that may be shown because of it. Sets `finish_reason` when it is the last.

        Args:
            piece: the token's bytes.
            ends: whether the token ends the answer; it is kept, but has no text.
        """
        self.tokens.append(token)
        text = "" if ends else self._stops.feed(self._detokenizer.feed(piece))
        if ends or self._stops.stopped:
            self.finish_reason = "stop"
        elif len(self.tokens) >= self._context or self.num_generated == self.params.max_tokens:
            self.finish_reason = "length"
        if self.finish_reason and not self._stops.stopped:
            text += self._stops.feed(self._detokenizer.flush()) + self._stops.flush()
        self.text += text
        return text
