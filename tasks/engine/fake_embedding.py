"""A deterministic twin of an embedding model for tests: no weights, and a token is a byte.

The vector of a passage depends on all its tokens and on nothing else.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tasks.engine.backend import BackendFailure
from tasks.engine.embedding import Vector


class FakeEmbeddingBackend:
    """Fulfils `tasks.engine.embedding.EmbeddingBackend` without a model.

    Args:
        step_seconds: how long a batch takes.
    """

    def __init__(
        self,
        *,
        num_slots: int,
        context: int,
        batch_tokens: int = 64,
        dimensions: int = 8,
        pools: bool = True,
        step_seconds: float = 0.0,
    ) -> None:
        self.num_slots, self.context = num_slots, context
        self.batch_tokens, self.dimensions, self.pools = batch_tokens, dimensions, pools
        self.longest_piece, self.vocab_size = 1, 256
        self.measures: Mapping[str, int] = {
            "n_ctx_train": context,
            "n_embd": dimensions,
            "n_params": 0,
            "n_vocab": 256,
            "size": 0,
        }
        self._step_seconds = step_seconds
        self.processor, self.on_gpu = "none", False

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        return list(text.encode())

    def piece(self, token: int) -> bytes:
        return bytes([token])

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        return bytes(tokens)

    def tokenizer_info(self) -> Mapping[str, Any]:
        return dict.fromkeys(("bos_token", "eos_token", "pad_token", "chat_template")) | {"add_bos_token": False}

    def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
        self._check(passages)
        return np.stack([self._vector(passage) for passage in passages])

    def embed_tokens(self, passages: Sequence[Sequence[int]]) -> list[Vector]:
        self._check(passages)
        return [
            np.stack([2 * self._vector(passage[:end]) for end in range(1, len(passage) + 1)]) for passage in passages
        ]

    def _check(self, passages: Sequence[Sequence[int]]) -> None:
        lengths = [len(passage) for passage in passages]
        if not 0 < len(lengths) <= self.num_slots or (len(lengths) > 1 and sum(lengths) > self.batch_tokens):
            raise BackendFailure(f"a batch of {len(lengths)} passages and {sum(lengths)} tokens")
        if not 0 < min(lengths) <= max(lengths) <= self.context:
            raise BackendFailure(f"a passage without a token, or of more than {self.context}")
        time.sleep(self._step_seconds)

    def close(self) -> None:
        pass

    def _vector(self, passage: Sequence[int]) -> Vector:
        random = np.random.default_rng(zlib.crc32(repr(list(passage)).encode()))
        vector = random.standard_normal(self.dimensions, dtype=np.float32)
        return vector / np.linalg.norm(vector)
