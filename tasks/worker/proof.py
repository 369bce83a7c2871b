"""Proving a model before it takes a job: a library may load it and still compute wrong things, hang or crash.

A build may not fit this processor, a driver may be broken, a file may hold nonsense: only running the model shows it.
So the worker runs one prompt that fills a tile, tokens of one sequence and of all together, a shared prefix, and the
samplers; every logit has to be finite, and what one way of running computes has to agree with the other.

`parent.Parent` reads which phase the process is in, so that it can tell what a process died of, or hangs in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tasks.engine.backend import Backend, Row
from tasks.engine.embedding import EmbeddingBackend, embedded
from tasks.engine.passes import TILE_ROWS
from tasks.records.sampling import SamplingParams

PROMPT_TOKENS = TILE_ROWS + 7
"""A tile of attention, a block of each kernel, and some rows left over."""
LEAST_AGREEMENT = 0.5
"""Correlation of two computations of the same logits. Rounding leaves 0.99; a wrong kernel leaves nothing."""
FAR = 0.2
"""Of the largest score: what two computations of a score may differ by. Rounding changes a hundredth."""
MOST_PAIRS = 4
"""That are scored."""
FLAT = 1e-6
"""Of the mean square: logits that vary less say nothing, and are not compared."""

Begin = Callable[[str, float], None]
"""Told the name of each phase before it begins, and how many seconds one row took so far; 0 if that is not known."""


class ProofFailed(Exception):
    """Raised when a model computes what cannot be right; the message says what."""


class Provable(Protocol):
    """What can be proven: `work.Work` is."""

    def prove(self, begin: Begin) -> None:
        """Run the model as jobs would. Raises `ProofFailed` or `BackendFailure`."""


def prove_generation(backend: Backend, begin: Begin) -> None:
    """Run a model that generates, on slots that are empty before and after.

    Raises:
        ProofFailed: a logit is not finite, also with an adapter, two computations of one token disagree, or a sampler
            gives no token.
        BackendFailure: the library refuses a batch.
    """
    proof = _Generation(backend)
    begin("decode", 0.0)
    began = time.monotonic()
    proof.decode_one()
    row_seconds = time.monotonic() - began
    for name, run in (("prefill", proof.prefill), ("batch", proof.decode_all), ("sampling", proof.sample)):
        begin(name, row_seconds)
        run()
    if backend.adapters:
        begin("adapters", row_seconds)
        proof.adapted()
    for slot in range(backend.num_sequences):
        backend.forget(slot)


def prove_embedding(backend: EmbeddingBackend, begin: Begin) -> None:
    """Run a model that makes vectors: one passage alone, and the same beside others.

    Raises:
        ProofFailed: a vector is zero or not finite, or company changes it.
        BackendFailure: the library refuses a batch.
    """
    length = min(PROMPT_TOKENS, backend.context)
    begin("embedding", 0.0)
    began = time.monotonic()
    (alone,) = embedded(backend, [_tokens(length, backend.vocab_size)])
    _check_vector(alone)
    row_seconds = (time.monotonic() - began) / length
    room = backend.batch_tokens // length
    begin("batch", row_seconds)
    passages = [_tokens(length, backend.vocab_size, skip=skip) for skip in range(max(1, min(backend.num_slots, room)))]
    for vector in (vectors := embedded(backend, passages)):
        _check_vector(vector)
    _check_agreement(alone, vectors[0], "A vector made alone, and beside others,")


def prove_rerank(backend: EmbeddingBackend, begin: Begin) -> None:
    """Run a model that scores pairs: some alone, and the same beside others.

    Raises:
        ProofFailed: a score is not finite, or company changes it.
        BackendFailure: the library refuses a batch.
    """
    length = min(PROMPT_TOKENS, backend.context)
    begin("scoring", 0.0)
    began = time.monotonic()
    room = max(1, min(backend.num_slots, backend.batch_tokens // length, MOST_PAIRS))
    pairs = [_tokens(length, backend.vocab_size, skip=skip) for skip in range(room)]
    alone = np.array([backend.embed([pair])[0, 0] for pair in pairs], np.float64)
    begin("batch", (time.monotonic() - began) / (length * len(pairs)))
    together = np.asarray(backend.embed(pairs)[:, 0], np.float64)
    if not (np.isfinite(alone).all() and np.isfinite(together).all()):
        raise ProofFailed("A score is not a finite number.")
    if np.abs(alone - together).max() > FAR * max(float(np.abs(alone).max()), float(np.abs(together).max())):
        raise ProofFailed("Scores made alone, and beside others, came out differently.")


class _Generation:
    """The phases of one proof; each goes on from what the last one left in the cache."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        length = max(2, min(PROMPT_TOKENS, backend.context - 2, backend.batch_tokens - 1, backend.cache_tokens // 2))
        self._prompt = _tokens(length, backend.vocab_size)
        self._slots = range(min(backend.num_slots, backend.batch_tokens, max(1, backend.cache_tokens - 2 * length)))
        self._last: npt.NDArray[Any] = np.zeros(0)

    def decode_one(self) -> None:
        """One row, as a lone stream decodes; it pages the weights in as well."""
        self._backend.decode([Row(self._prompt[0], 0, 0, True)])
        _check_logits(self._logits(0))
        self._backend.forget(0)

    def prefill(self) -> None:
        """A prompt that fills a tile."""
        self._backend.decode(self._rows(0, len(self._prompt)))
        self._last = self._logits(len(self._prompt) - 1)
        _check_logits(self._last)

    def decode_all(self) -> None:
        """One row for each slot, whose prefix is shared where the model can; the first gets the prompt's last token."""
        backend, end = self._backend, len(self._prompt) - 1
        shared = end if backend.can_share else 0
        if shared:
            backend.forget(0, end)
            for slot in self._slots[1:]:
                backend.copy(0, slot, shared)
        else:
            backend.forget(0)
            backend.decode(self._rows(0, end))
        rows = [Row(self._prompt[end], end if slot == 0 else shared, slot, True) for slot in self._slots]
        backend.decode(rows)
        for at in range(len(rows)):
            _check_logits(self._logits(at))
        _check_agreement(self._last, self._logits(0), "The same token, computed in a prompt and in a batch of streams,")

    def sample(self) -> None:
        """The greedy sampler and a chain, on the rows of the last batch."""
        for params in (SamplingParams(temperature=0.0), SamplingParams(temperature=0.8, seed=1, logprobs=1)):
            sampler = self._backend.sampler(params, 0, self._prompt)
            try:
                token = sampler.sample(0, 0)
            finally:
                sampler.close()
            if not 0 <= token < self._backend.vocab_size:
                raise ProofFailed(f"A sampler chose the token {token}, and there are {self._backend.vocab_size}.")

    def adapted(self) -> None:
        """A row with each adapter."""
        for name in sorted(self._backend.adapters):
            self._backend.forget(0)
            self._backend.adapt(((name, 1.0),))
            self._backend.decode([Row(self._prompt[0], 0, 0, True)])
            if wrong := int(np.count_nonzero(~np.isfinite(logits := self._logits(0)))):
                raise ProofFailed(f"With the adapter '{name}', {wrong} of {len(logits)} logits are not finite numbers.")
        self._backend.adapt(())

    def _rows(self, slot: int, length: int) -> list[Row]:
        return [Row(token, at, slot, at == length - 1) for at, token in enumerate(self._prompt[:length])]

    def _logits(self, row: int) -> npt.NDArray[Any]:
        return np.array(self._backend.logits(row), np.float64)


def _tokens(count: int, vocab_size: int, *, skip: int = 0) -> list[int]:
    """Tokens that differ from each other and between passages; which ones does not matter."""
    return [(17 * (at + skip + 1)) % vocab_size for at in range(count)]


def _check_logits(logits: npt.NDArray[Any]) -> None:
    if wrong := int(np.count_nonzero(~np.isfinite(logits))):
        raise ProofFailed(f"{wrong} of {len(logits)} logits are not finite numbers.")


def _check_vector(vector: npt.NDArray[Any]) -> None:
    if not np.isfinite(vector).all():
        raise ProofFailed("A vector has components that are not finite numbers.")
    if not vector.any():
        raise ProofFailed("A vector is zero.")


def _check_agreement(one: Sequence[float] | npt.NDArray[Any], other: npt.NDArray[Any], what: str) -> None:
    first, second = np.asarray(one, np.float64).ravel(), np.asarray(other, np.float64).ravel()
    if min(first.var(), second.var()) <= FLAT * max(float((first**2).mean()), float((second**2).mean()), 1e-30):
        return
    agreement = float(np.corrcoef(first, second)[0, 1])
    if agreement < LEAST_AGREEMENT:
        raise ProofFailed(f"{what} came out differently: their correlation is {agreement:.2f}.")
