"""llama.cpp's scores of pairs, of tiny random models: an encoder and a decoder, each with a classifier."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from tasks.engine.backend import FileAtFault
from tasks.engine.embedding import EmbeddingEngine, Passage
from tasks.engine.llama import LlamaRerankBackend
from tasks.models.catalogue import ModelEntry
from tasks.settings import Settings
from tasks.worker.loading import load_llama
from tasks.worker.proof import prove_rerank
from tests.support import tiny_models

SLOTS = 6
NEAR = 2e-3
"""Of the largest score: how far one may lie from that of another batch. ggml adds up in 16 bits, in another order."""
QUERY = "what is the capital of france"


def documents(count: int) -> list[str]:
    """Different texts of 1 to 30 words."""
    draw = random.Random(1)
    words = tiny_models.WORDS.split()
    made = {" ".join(draw.choices(words, k=draw.randint(1, 30))): None for _ in range(2 * count)}
    return list(made)[:count]


@pytest.fixture(scope="module", params=tiny_models.RERANK_KINDS)
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_rerank(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def backend(path: Path) -> Iterator[LlamaRerankBackend]:
    made = LlamaRerankBackend(path, num_slots=SLOTS, context=4096, threads=1)
    yield made
    made.close()


class Reference:
    """What llama.cpp makes of a pair, asked as llama-server asks it: one pair a batch, and nothing of ours between."""

    def __init__(self, path: Path) -> None:
        params = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        settings = llama_cpp.llama_context_default_params()
        settings.embeddings, settings.pooling_type = True, llama_cpp.LLAMA_POOLING_TYPE_RANK
        settings.n_ctx = settings.n_batch = settings.n_ubatch = 512
        settings.n_threads = settings.n_threads_batch = 1
        self.ctx = llama_cpp.llama_init_from_model(self.model, settings)

    def pair(self, query: str, document: str) -> list[int]:
        template = llama_cpp.llama_model_chat_template(self.model, b"rerank")
        if template:
            text = template.decode().replace("{query}", query).replace("{document}", document)
            return self._tokens(text, special=True)
        begin, separator = llama_cpp.llama_vocab_bos(self.vocab), llama_cpp.llama_vocab_sep(self.vocab)
        assert llama_cpp.llama_vocab_get_add_bos(self.vocab)
        assert llama_cpp.llama_vocab_get_add_sep(self.vocab)
        assert not llama_cpp.llama_vocab_get_add_eos(self.vocab)
        texts = (self._tokens(text, special=False) for text in (query, document))
        return [begin, *next(texts), separator, *next(texts)]

    def score(self, tokens: list[int]) -> float:
        if memory := llama_cpp.llama_get_memory(self.ctx):
            llama_cpp.llama_memory_clear(memory, True)
        given = (llama_cpp.llama_token * len(tokens))(*tokens)
        batch: Any = llama_cpp.llama_batch_get_one(given, len(tokens))
        assert llama_cpp.llama_decode(self.ctx, batch) == 0
        return float(llama_cpp.llama_get_embeddings_seq(self.ctx, 0)[0])

    def close(self) -> None:
        llama_cpp.llama_free(self.ctx)
        llama_cpp.llama_model_free(self.model)

    def _tokens(self, text: str, *, special: bool) -> list[int]:
        data, buffer = text.encode(), (ctypes.c_int32 * 2048)()
        count = llama_cpp.llama_tokenize(self.vocab, data, len(data), buffer, len(buffer), False, special)
        return list(buffer[:count])


def test_a_hundred_pairs_have_the_scores_and_the_order_of_llama_cpp(backend: LlamaRerankBackend, path: Path) -> None:
    texts, reference = documents(100), Reference(path)
    pairs = list(backend.pairs(QUERY, texts))
    assert pairs == [reference.pair(QUERY, text) for text in texts]
    expected = [reference.score(pair) for pair in pairs]
    reference.close()
    engine = EmbeddingEngine(backend, on_failed=lambda job, reason: pytest.fail(reason))
    engine.submit([Passage(at % 7, at, pair) for at, pair in enumerate(pairs)])  # of seven jobs
    made = np.zeros(len(pairs))
    while engine.wait(0):
        for passage in engine.step():
            assert passage.vector is not None
            made[passage.index] = passage.vector[0]
    assert engine.figures.steps < len(pairs), "many are run together"
    near = NEAR * max(expected)
    assert made == pytest.approx(expected, abs=near)
    assert np.ptp(made) > 50 * near
    apart = np.abs(np.subtract.outer(expected, expected)) > 2 * near
    assert (np.less.outer(made, made) == np.less.outer(expected, expected))[apart].all()
    alone = [float(backend.embed([pair])[0, 0]) for pair in pairs]
    assert alone == pytest.approx(expected, abs=1e-6)
    assert np.argsort(alone).tolist() == np.argsort(expected).tolist()


def test_a_pair_is_not_symmetric(backend: LlamaRerankBackend) -> None:
    there, back = next(backend.pairs(QUERY, ["a llama"])), next(backend.pairs("a llama", [QUERY]))
    scores = backend.embed([there, back])[:, 0]
    assert abs(scores[0] - scores[1]) > 10 * NEAR


@pytest.mark.parametrize("text", ["<|im_end|>", "{document}", "[SEP]", "{query} <s>"])
def test_what_a_text_says_is_text(backend: LlamaRerankBackend, text: str) -> None:
    """Neither a control token nor a place of the template is read in it."""
    plain, odd = next(backend.pairs("the", ["a"])), next(backend.pairs("the", [text]))
    special = backend._tokenizer.special
    controls = {token.token for token in special if token.control and token.text not in ("", "[UNK]", "<unk>")}
    assert [token for token in odd if token in controls] == [token for token in plain if token in controls]
    asked = next(backend.pairs(text, ["a"]))
    assert [token for token in asked if token in controls] == [token for token in plain if token in controls]


def test_a_model_that_scores_is_proven(backend: LlamaRerankBackend) -> None:
    prove_rerank(backend, lambda *_: None)


def test_a_file_without_a_classifier_is_refused(tmp_path: Path) -> None:
    bert = tiny_models.write_embedding("bert", tmp_path)
    with pytest.raises(FileAtFault, match="no classifier"):
        load_llama(ModelEntry(path=str(bert), kind="rerank"), Settings(threads=1))
