"""What the engine asks of a model: the protocol that `llama` and `fake` fulfil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tasks.answers.syntax import Syntax
from tasks.engine.step_clock import StepClock
from tasks.records.adapters import Adapters
from tasks.records.sampling import SamplingParams


class CacheFull(Exception):
    """Raised by `Backend.decode` when the KV cache has no room; nothing of the batch was computed."""


class BackendFailure(Exception):
    """Raised when the model cannot go on; the process should be started again."""


class FileAtFault(BackendFailure):
    """Raised when the model's file is at fault: nothing changes until it is another."""


class SequenceFailed(Exception):
    """Raised by `Sampler.sample` when this one sequence cannot go on."""


@dataclass(frozen=True, slots=True)
class Logprobs:
    """Natural logarithms of probabilities: of a token that was chosen, and of the likeliest ones, likeliest first."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


Saved = bytes | memoryview
"""What a model has computed of some tokens, as `Backend.save` gives it."""


class Row(NamedTuple):
    """One token of a batch: its place in a slot, and whether the token after it is wanted."""

    token: int
    position: int
    slot: int
    wants_logits: bool


class Sampler(Protocol):
    """Chooses tokens for one sequence."""

    logprobs: Logprobs | None
    """Of the token that `sample` chose last, if they were asked for; as the model gave them, before any sampling."""

    def accept(self, token: int) -> None:
        """Take notice of a token that was chosen before, when a sequence is continued."""

    def ready(self, timeout_seconds: float) -> bool:
        """Whether `sample` would choose at once, after waiting for that so long at most. Until then it would wait."""

    def sample(self, row: int, position: int) -> int:
        """Choose the token for `position` (counted from the first generated one) after the batch's row `row`.

        Raises `SequenceFailed`.
        """

    def close(self) -> None:
        """Free what the sampler holds."""


class Vocabulary(Protocol):
    """What every loaded model has. May be called from any thread."""

    processor: str
    """What computes it, in words: the variant of the library for this processor, for one."""
    on_gpu: bool
    """Whether a GPU computes it, whose first step may compile kernels for minutes."""
    longest_piece: int
    """Bytes of a text that one token stands for at most; `sys.maxsize` where that is not known."""
    vocab_size: int
    """Token ids are less than this."""
    context: int
    """Tokens that a text may have."""

    measures: Mapping[str, int]
    """The model's sizes, by llama-server's names: ``n_ctx_train``, ``n_embd``, ``n_params``, ``n_vocab``, ``size``."""

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        """Token ids of a text; `parse_special` reads ``<|im_end|>`` and the like as control tokens.

        It does not in what a conversation says, if the text is what `Backend.render_chat` gave.
        """

    def piece(self, token: int) -> bytes:
        """The bytes of a token, which may be a part of a character; empty for control tokens but the markers."""

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        """The text of tokens, that of control tokens included."""

    def tokenizer_info(self) -> Mapping[str, Any]:
        """The text of special tokens, whether the first begins a text, and the chat template; None if not there."""


class Backend(Vocabulary, Protocol):
    """A loaded model that generates. All calls come from one thread, but for `render_chat`, `check` and those of a
    vocabulary.
    """

    num_slots: int
    """Sequences decoded together."""
    num_sequences: int
    """Slots in all: those beyond `num_slots` keep what finished sequences computed."""
    can_share: bool
    """Whether slots may share a prefix, and forget only their ends. Recurrent memory, for one, cannot."""
    context: int
    """Tokens a sequence may hold."""
    cache_tokens: int
    """Tokens the cache holds in all."""
    batch_tokens: int
    """Rows of a batch at most."""
    tile_tokens: int
    """From so many tokens of prompts on, the hardware runs them in another way; 1 if there is one way only."""
    tells_time: bool
    """Whether what `render_chat` makes may depend on the time that it is told."""
    syntax: Syntax
    """How the model writes tool calls and reasoning, by its chat template."""
    adapters: frozenset[str]
    """Names of the adapters with which it can compute."""
    saved_as: str
    """What the bytes of `save` depend on, beside the model's files: those of another kind mean nothing to it."""
    special_markers: Mapping[str, int]
    """Ids of the markers of tool calls and reasoning that a grammar knows by id alone; `piece` tells their text."""

    end_tokens: list[int]
    """Ids of the tokens that end an answer."""
    infill_tokens: Mapping[str, int]
    """Ids of the tokens around a gap that the model fills, as far as it has them: ``prefix``, ``suffix``, ``middle``,
    ``repository``, ``file``."""

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
        at: float = 0.0,
        begun: Mapping[str, Any] | None = None,
    ) -> str:
        """The prompt of a conversation, by the model's own template; raises InvalidRequest if it refuses.

        `tools` are OpenAI's function objects; `variables` are what else the template may know of; `at` is what it
        takes for now, in seconds since the epoch. `begun` is the assistant's message that the answer goes on.
        """

    def is_end(self, token: int) -> bool:
        """Whether a token ends the answer."""

    def check(self, params: SamplingParams) -> object:
        """Raise InvalidRequest if this model cannot sample so; else make ready what takes time, like a grammar.

        It stays ready for as long as what this gives is kept. Not for the engine's thread.
        """

    @property
    def clocks(self) -> Sequence[StepClock]:
        """Of threads of its own that work for the engine."""

    def sampler(self, params: SamplingParams, index: int, prompt: Sequence[int] = ()) -> Sampler:
        """A sampler for choice `index` of a job."""

    def fit(self, prompt_tokens: int) -> int:
        """About so many tokens of prompts: how many suit the hardware best."""

    def adapt(self, adapters: Adapters) -> None:
        """Have all batches from now on computed with these adapters, and no others. Raises `BackendFailure`."""

    def decode(self, rows: Sequence[Row]) -> None:
        """Run a batch; raises `CacheFull` or `BackendFailure`."""

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        """The logits of a row of the last batch, one for each token id; valid until the next batch."""

    def logprobs(self, row: int, token: int, count: int) -> Logprobs:
        """How likely a token was after a row of the last batch, with so many of the likeliest; before any sampling."""

    def forget(self, slot: int, start: int = 0) -> None:
        """Drop what a slot holds from position `start` on."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Have the empty slot `target` hold the first `length` tokens of `source` as well."""

    def save(self, slot: int, start: int, end: int) -> Saved:
        """What was computed of the tokens from position `start` up to `end` of a slot. Only if it `can_share`."""

    def load(self, slot: int, start: int, saved: Saved) -> bool:
        """Have a slot, which holds `start` tokens, hold as well those of what was saved that come then.

        They are those that it would compute: whether they are is the caller's to know. While it works, it takes cells
        for all that was saved.

        Returns:
            Whether it does; if not, since there is no room or the bytes mean nothing, the slot is as before.
        """

    def close(self) -> None:
        """Free the model."""
