"""A GGUF model that makes vectors, and its context."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from tasks.engine.backend import BackendFailure, Row
from tasks.engine.embedding import Vector
from tasks.engine.llama import library
from tasks.engine.llama.batch import Batch
from tasks.engine.llama.compute_threads import ComputeThreads
from tasks.engine.llama.model import Model
from tasks.engine.llama.options import DEFAULTS, Options

BATCH_TOKENS = 512
"""Of short passages. Every token looks at all others of its batch, masked or not, so a larger one is slower."""


class LlamaEmbeddingBackend(Model):
    """A GGUF model and a context that holds one batch at a time. Fulfils `tasks.engine.embedding.EmbeddingBackend`.

    Args:
        path: the GGUF file.
        num_slots: passages in a batch at most.
        context: tokens a passage may have; cut to what the model was trained for.
        threads: CPU threads; all cores if None.
        gpu_layers: layers on the GPU; -1 is all.
        options: how it is run otherwise.
        on_progress: told how much of the file is loaded, from 0 to 1.
        allocates: whether it is loaded to compute, or only to tell what it would take.

    Raises:
        BackendFailure: the file cannot be loaded, its model makes no vectors of texts, or the context does not fit
            into memory.
    """

    def __init__(
        self,
        path: Path,
        *,
        num_slots: int,
        context: int,
        threads: int | None = None,
        gpu_layers: int = -1,
        options: Options = DEFAULTS,
        on_progress: Callable[[float], None] | None = None,
        allocates: bool = True,
    ) -> None:
        super().__init__(
            path,
            context=context,
            gpu_layers=gpu_layers,
            options=options,
            on_progress=on_progress,
            allocates=allocates,
        )
        self.pools = options.pooling != "none"
        self._encodes = llama_cpp.llama_model_has_encoder(self._model)
        if self._encodes and llama_cpp.llama_model_has_decoder(self._model):
            raise BackendFailure("the model translates: it has an encoder and a decoder, and makes no vectors")
        self.num_slots = min(num_slots, self._most_together())
        self.batch_tokens = options.batch_tokens or BATCH_TOKENS
        self.dimensions = self._num_outputs()
        threads = threads or os.cpu_count() or 1
        self._ctx = self._create_context(threads)
        self._threads = ComputeThreads(self._ctx, threads, apart=not self.on_gpu)
        self._memory = llama_cpp.llama_get_memory(self._ctx)
        self._batch = Batch(max(self.context, self.batch_tokens))

    def piece(self, token: int) -> bytes:
        return self._read_piece(token, special=False)

    def _run(self, passages: Sequence[Sequence[int]]) -> None:
        if self._memory:
            llama_cpp.llama_memory_clear(self._memory, False)
        self._batch.fill(
            [
                Row(token, position, slot, True)
                for slot, passage in enumerate(passages)
                for position, token in enumerate(passage)
            ]
        )
        run = llama_cpp.llama_encode if self._encodes else llama_cpp.llama_decode
        with self._threads.computing():
            status = run(self._ctx, self._batch.struct)
        if status:
            raise BackendFailure(f"{run.__name__} returned {status}")

    def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
        self._run(passages)
        vectors: Vector = np.stack([self._vector(slot) for slot in range(len(passages))])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        vectors /= lengths
        return vectors

    def embed_tokens(self, passages: Sequence[Sequence[int]]) -> list[Vector]:
        self._run(passages)
        rows = iter(range(sum(map(len, passages))))
        return [np.stack([self._vector_of_token(next(rows)) for _ in passage]) for passage in passages]

    def _vector_of_token(self, row: int) -> Vector:
        """In llama.cpp's own memory."""
        vector = llama_cpp.llama_get_embeddings_ith(self._ctx, row)
        return library.floats(ctypes.addressof(vector.contents), self.dimensions)

    def close(self) -> None:
        llama_cpp.llama_free(self._ctx)
        super().close()

    def _vector(self, slot: int) -> Vector:
        """In llama.cpp's own memory."""
        vector = llama_cpp.llama_get_embeddings_seq(self._ctx, slot)
        return library.floats(ctypes.addressof(vector.contents), self.dimensions)

    def _num_outputs(self) -> int:
        """Numbers of a vector."""
        return int(llama_cpp.llama_model_n_embd_out(self._model))

    def _most_together(self) -> int:
        """How many passages may be in a batch.

        llama.cpp computes recurrent layers for passages of one length at a time, and pools what it computes at a time.
        """
        if llama_cpp.llama_model_is_recurrent(self._model) or llama_cpp.llama_model_is_hybrid(self._model):
            return 1
        return int(llama_cpp.llama_max_parallel_sequences())

    def _pooling(self) -> int:
        """How the tokens' vectors become the text's, by the options or the file; else the mean."""
        architecture = self._field("general.architecture")
        named = int(self._field(f"{architecture}.pooling_type") or llama_cpp.LLAMA_POOLING_TYPE_NONE)
        if named == llama_cpp.LLAMA_POOLING_TYPE_RANK:
            raise BackendFailure("the model is a reranker, which makes no vectors but scores: set kind: rerank")
        if (wanted := self.options.pooling_type()) is not None:
            return wanted
        return llama_cpp.LLAMA_POOLING_TYPE_MEAN if named == llama_cpp.LLAMA_POOLING_TYPE_NONE else named

    def _create_context(self, threads: int) -> Any:
        params = llama_cpp.llama_context_default_params()
        params.embeddings = True
        params.pooling_type = self._pooling()
        # a multiple of n_seq_max: else llama.cpp aborts (llama-cpp-python 0.3.36, ggml-org/llama.cpp#27175)
        most = -(-max(self.context, self.batch_tokens) // self.num_slots) * self.num_slots
        params.n_ctx = params.n_batch = params.n_ubatch = most
        params.n_seq_max = self.num_slots
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = self.options.flash_attn_type("auto")
        params.kv_unified = True  # else passages of different lengths would be computed, and so pooled, in parts
        params.no_perf = True
        return self._new_context(params, f"no room for passages of {self.context} tokens; lower context")
