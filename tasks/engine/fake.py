"""A deterministic byte-level model for tests: no weights, but every rule of a real backend is checked.

A token is a byte, and 256 ends the answer. The next token depends on all tokens before it, as its slot holds them, so
a wrong position, a forgotten slot or a mixed-up row shows in the text.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.answers.syntax import PLAIN
from tasks.engine.backend import BackendFailure, CacheFull, Logprobs, Row, Saved
from tasks.errors import InvalidRequest
from tasks.records.adapters import Adapters
from tasks.records.sampling import SamplingParams, draw_seed

END = 256
ALPHABET = b"abcdefghijklmnopqrstuvwxyz ,."


class _Cell:
    """One cell of the cache; slots that share a prefix hold the same cells. What comes after depends on `computed`: the
    token, and the adapters with which it was run."""

    __slots__ = ("adapters", "computed", "token")

    def __init__(self, token: int, adapters: Adapters) -> None:
        self.token, self.adapters = token, adapters
        self.computed: object = (token, adapters) if adapters else token


class FakeSampler:
    """Greedy takes the byte that the context stands for; a temperature shifts it by the draw."""

    def __init__(self, backend: FakeBackend, params: SamplingParams, index: int) -> None:
        self._backend, self._params, self._index = backend, params, index
        self.logprobs: Logprobs | None = None

    def accept(self, token: int) -> None:
        pass

    def ready(self, timeout_seconds: float) -> bool:
        return True

    def sample(self, row: int, position: int) -> int:
        token = self._choose(row, position)
        if self._params.logprobs is not None:
            self.logprobs = Logprobs(token, 0.0, ((token, 0.0),)[: self._params.logprobs])
        return token

    def _choose(self, row: int, position: int) -> int:
        state = self._backend.state_of(row)
        if not self._params.greedy:
            state = zlib.crc32(b"draw", state ^ draw_seed(self._params.seed, self._index, position))
        if state % 97 == 0 and position > 16 and not self._params.ignore_eos:
            return END
        return ALPHABET[state % len(ALPHABET)]

    def close(self) -> None:
        pass


class FakeBackend:
    """Fulfils `tasks.engine.backend.Backend` without a model.

    Args:
        step_seconds: how long a batch takes.
        adapters: names of adapters. Each changes all that comes after it, by its scale.
    """

    def __init__(
        self,
        *,
        num_slots: int,
        context: int,
        cache_tokens: int,
        batch_tokens: int = 64,
        step_seconds: float = 0.0,
        can_share: bool = True,
        adapters: Collection[str] = (),
    ) -> None:
        self.adapters = frozenset(adapters)
        self._adapted: Adapters = ()
        self.num_slots, self.context = num_slots, context
        self.num_sequences, self.can_share = 2 * num_slots, can_share
        self.cache_tokens, self.batch_tokens = cache_tokens, batch_tokens
        self.longest_piece = self.tile_tokens = 1
        self.clocks = ()
        self.vocab_size, self.syntax, self.tells_time = END + 1, PLAIN, False
        self.measures: Mapping[str, int] = {
            "n_ctx_train": context,
            "n_embd": 1,
            "n_params": 0,
            "n_vocab": END + 1,
            "size": 0,
        }
        self.saved_as = "fake"
        self.special_markers: Mapping[str, int] = {}
        self.end_tokens = [END]
        self.infill_tokens: Mapping[str, int] = {}
        self._step_seconds = step_seconds
        self._slots: list[list[_Cell]] = [[] for _ in range(self.num_sequences)]
        self._states: dict[int, int] = {}
        self.processor, self.on_gpu = "none", False

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        return list(text.encode())

    def render_chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
        at: float = 0.0,
        begun: Mapping[str, Any] | None = None,
    ) -> str:
        prompt = "".join(map(self.line, messages))
        return prompt + begun["content"] if begun else prompt

    def line(self, message: Mapping[str, Any]) -> str:
        """A message as it stands in the prompt."""
        if "content" not in message:
            raise InvalidRequest("A message has no content.", param="messages")
        return f"{message['role']}: {message['content']}\n"

    def piece(self, token: int) -> bytes:
        return b"" if token == END else bytes([token])

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        return b"".join(map(self.piece, tokens))

    def tokenizer_info(self) -> Mapping[str, Any]:
        return dict.fromkeys(("bos_token", "eos_token", "pad_token", "chat_template")) | {"add_bos_token": False}

    def is_end(self, token: int) -> bool:
        return token == END

    def check(self, params: SamplingParams) -> object:
        if params.grammar or params.logit_bias:
            raise InvalidRequest("The fake model follows neither a grammar nor a logit_bias.")
        return None

    def sampler(self, params: SamplingParams, index: int, prompt: Sequence[int] = ()) -> FakeSampler:
        return FakeSampler(self, params, index)

    def fit(self, prompt_tokens: int) -> int:
        return prompt_tokens

    def adapt(self, adapters: Adapters) -> None:
        if unknown := {name for name, _ in adapters} - self.adapters:
            raise BackendFailure(f"there is no adapter {', '.join(sorted(unknown))}")
        self._adapted = adapters

    def decode(self, rows: Sequence[Row]) -> None:
        if len(rows) > self.batch_tokens:
            raise BackendFailure(f"a batch of {len(rows)} rows, {self.batch_tokens} at most")
        if not self._has_room(len(rows)):
            raise CacheFull
        time.sleep(self._step_seconds)
        self._states = {}
        for number, row in enumerate(rows):
            slot = self._slots[row.slot]
            if row.position != len(slot):
                raise BackendFailure(f"position {row.position} in a slot that holds {len(slot)} tokens")
            slot.append(_Cell(row.token, self._adapted))
            if row.wants_logits:
                self._states[number] = zlib.crc32(repr([cell.computed for cell in slot]).encode())

    def state_of(self, row: int) -> int:
        """What the row's logits would be."""
        return self._states[row]

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        random = np.random.default_rng(self.state_of(row))
        return random.standard_normal(self.vocab_size, dtype=np.float32)

    def logprobs(self, row: int, token: int, count: int) -> Logprobs:
        logits = self.logits(row)
        logprobs = logits - np.log(np.exp(logits).sum())
        top = tuple((int(other), float(logprobs[other])) for other in np.argsort(-logprobs)[:count])
        return Logprobs(token, float(logprobs[token]), top)

    def forget(self, slot: int, start: int = 0) -> None:
        if start and not self.can_share:
            raise BackendFailure("a part of a slot cannot be forgotten")
        del self._slots[slot][start:]

    def copy(self, source: int, target: int, length: int) -> None:
        if not self.can_share or self._slots[target] or length > len(self._slots[source]):
            raise BackendFailure(f"slot {target} cannot share {length} tokens of slot {source}")
        self._slots[target] = self._slots[source][:length]

    def save(self, slot: int, start: int, end: int) -> Saved:
        cells = self._slots[slot][start:end]
        if not self.can_share or not cells or len(cells) != end - start:
            raise BackendFailure(f"slot {slot} does not hold the tokens from {start} to {end}")
        return json.dumps([start, [(cell.token, cell.adapters) for cell in cells]]).encode()

    def load(self, slot: int, start: int, saved: Saved) -> bool:
        try:
            first, cells = json.loads(bytes(saved))
        except ValueError:
            return False
        if start != len(self._slots[slot]) or not first <= start < first + len(cells):
            raise BackendFailure(f"slot {slot} holds {len(self._slots[slot])} tokens, and they begin at {first}")
        if not self._has_room(len(cells)):
            return False
        for token, adapters in cells[start - first :]:
            self._slots[slot].append(_Cell(token, tuple((name, scale) for name, scale in adapters)))
        return True

    def _has_room(self, count: int) -> bool:
        return len({cell for slot in self._slots for cell in slot}) + count <= self.cache_tokens

    def close(self) -> None:
        pass
