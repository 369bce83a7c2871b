"""A GGUF model that scores pairs of texts: a cross-encoder, or a decoder with a classifier."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import llama_cpp
import numpy as np

from tasks.engine.embedding import Vector
from tasks.engine.llama.embedding_backend import LlamaEmbeddingBackend
from tasks.engine.llama.quoting import Prompt, joined, quoted

_PLACES: Final = re.compile(r"(\{query\}|\{document\})")
"""Of the texts, in a template."""


class LlamaRerankBackend(LlamaEmbeddingBackend):
    """A GGUF model with a classifier, which gives one number for a pair. Fulfils `tasks.engine.rerank.RerankBackend`.

    Pairs are written as llama-server (llama-cpp-python 0.3.36) writes them. In the texts no special tokens are read.
    """

    def pairs(self, query: str, documents: Sequence[str]) -> Iterator[list[int]]:
        template = llama_cpp.llama_model_chat_template(self._model, b"rerank")
        if template:
            yield from self._by_template(template.decode(errors="replace"), query, documents)
            return
        begin, between, end = self._around_pair()
        first = [*begin, *self._plain(query), *between]
        for document in documents:
            yield [*first, *self._plain(document), *end]

    def embed(self, passages: Sequence[Sequence[int]]) -> Vector:
        self._run(passages)
        return np.stack([self._vector(slot)[:1] for slot in range(len(passages))]).astype(np.float32)

    def _by_template(self, template: str, query: str, documents: Sequence[str]) -> Iterator[list[int]]:
        pieces: list[str] = _PLACES.split(template)
        texts: dict[str, str] = {"{query}": quoted(query)}
        for document in documents:
            texts["{document}"] = quoted(document)
            yield self._tokenizer.tokenize_prompt(Prompt(joined("", [texts.get(piece, piece) for piece in pieces])))

    def _around_pair(self) -> tuple[list[int], list[int], list[int]]:
        """The tokens before the query, between the two texts, and behind the document."""
        vocab = self._vocab
        separator = llama_cpp.llama_vocab_sep(vocab)
        end = llama_cpp.llama_vocab_eos(vocab)
        ends = [separator if end == llama_cpp.LLAMA_TOKEN_NULL else end] * llama_cpp.llama_vocab_get_add_eos(vocab)
        begins = [llama_cpp.llama_vocab_bos(vocab)] * llama_cpp.llama_vocab_get_add_bos(vocab)
        return begins, [*ends, *[separator] * llama_cpp.llama_vocab_get_add_sep(vocab)], ends

    def _plain(self, text: str) -> list[int]:
        return self._tokenizer.tokenize(text, add_special=False, parse_special=False)

    def _num_outputs(self) -> int:
        return 1

    def _pooling(self) -> int:
        return int(llama_cpp.LLAMA_POOLING_TYPE_RANK)
