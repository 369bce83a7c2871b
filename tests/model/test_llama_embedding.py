"""llama.cpp's vectors, of tiny random models: an encoder with WordPieces, and decoders that pool in each way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tasks.engine.backend import BackendFailure
from tasks.engine.embedding import EmbeddingEngine, Passage
from tasks.engine.llama import LlamaEmbeddingBackend
from tasks.engine.llama.options import Options
from tests.support import tiny_models

SLOTS = 6
EXACT = 5e-4
"""How far a number of a vector may lie from another's that should be the same, of 64 numbers of about 0.1. ggml adds up
in 16 bits, and in another order when there is more in a batch: numbers differ by up to 6e-5."""
TEXTS = [
    "what is the capital of france",
    "llama",
    "tell me a story about the food who are you",
    tiny_models.WORDS * 2,
    "be kind and brief",
    "the",
    "a llama who was you",
    tiny_models.WORDS,
    "count to",
]


def load(path: Path, *, slots: int = SLOTS, context: int = 4096) -> LlamaEmbeddingBackend:
    return LlamaEmbeddingBackend(path, num_slots=slots, context=context, threads=1)


@pytest.fixture(scope="module", params=tiny_models.EMBEDDING_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def backend(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaEmbeddingBackend]:
    made = load(tiny_models.write_embedding(kind, tmp_path_factory.mktemp(kind)))
    yield made
    made.close()


def tokens(backend: LlamaEmbeddingBackend, text: str) -> list[int]:
    return backend.tokenize(text, add_special=True, parse_special=True)[: backend.context]


def test_vectors_made_together_are_those_made_alone(backend: LlamaEmbeddingBackend) -> None:
    texts = [tokens(backend, text) for text in TEXTS]
    engine = EmbeddingEngine(backend, on_failed=lambda job, reason: pytest.fail(reason))
    engine.submit([Passage("job", at, text) for at, text in enumerate(texts)])
    together = []
    while engine.wait(0):
        together += engine.step()
    assert engine.figures.steps > 1
    for passage in together:
        assert passage.vector == pytest.approx(backend.embed([passage.tokens])[0], abs=EXACT)


def test_a_vector_does_not_depend_on_what_came_before(backend: LlamaEmbeddingBackend) -> None:
    text = tokens(backend, TEXTS[0])
    before = backend.embed([text])
    backend.embed([tokens(backend, other) for other in TEXTS[1:5]])
    assert backend.embed([text]) == pytest.approx(before, abs=EXACT)


def test_rows_are_in_the_order_of_the_passages(backend: LlamaEmbeddingBackend) -> None:
    texts = [tokens(backend, text) for text in TEXTS[:4]]
    assert backend.embed(texts[::-1])[::-1] == pytest.approx(backend.embed(texts), abs=EXACT)


def test_every_vector_has_length_1_and_texts_have_different_ones(backend: LlamaEmbeddingBackend) -> None:
    vectors = backend.embed([tokens(backend, text) for text in TEXTS[:SLOTS]])
    assert vectors.shape == (SLOTS, backend.dimensions)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert (vectors @ vectors.T)[~np.eye(SLOTS, dtype=bool)].max() < 0.999


def test_a_passage_may_be_as_long_as_the_context(backend: LlamaEmbeddingBackend) -> None:
    long = (tokens(backend, tiny_models.WORDS) * 100)[: backend.context]
    assert len(long) == backend.context
    assert np.isfinite(backend.embed([long])).all()


def test_the_context_is_what_the_model_was_trained_for(backend: LlamaEmbeddingBackend, kind: str) -> None:
    assert backend.context == (tiny_models.BERT_CONTEXT if kind == "bert" else tiny_models.CONTEXT)


def test_the_context_may_be_less(tmp_path: Path) -> None:
    backend = load(tiny_models.write_embedding("bert", tmp_path), context=64)
    assert backend.context == 64
    backend.close()


# -- vocabularies


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaEmbeddingBackend]:
    made = load(tiny_models.write_embedding("bert", tmp_path_factory.mktemp("bert")))
    yield made
    made.close()


def test_a_text_stands_between_the_tokens_that_bert_wants(bert: LlamaEmbeddingBackend) -> None:
    pieces = [tiny_models.WORD_PIECES[token] for token in tokens(bert, "The LLAMA")]
    assert pieces == [tiny_models.CLASS, "▁the", "▁llama", tiny_models.SEPARATOR]


def test_a_long_unknown_word_is_one_token(bert: LlamaEmbeddingBackend) -> None:
    """So the length of a text says nothing of how many tokens it has."""
    text = "ツ" * 5000
    assert len(tokens(bert, text)) == 3
    assert len(text.encode()) < bert.longest_piece


def test_the_second_half_of_bert_looks_ahead(bert: LlamaEmbeddingBackend) -> None:
    """Its tokens see those after them: the mean moves by more than the last token's share."""
    short, long = (bert.embed([tokens(bert, text)])[0] for text in ("llama the", "llama a"))
    assert float(short @ long) < 0.99


# -- how tokens become one vector


def parts(backend: LlamaEmbeddingBackend, text: list[int]) -> list[float]:
    """How near the vectors of a text's beginnings are to the whole one's."""
    whole = backend.embed([text])[0]
    return [float(whole @ backend.embed([text[:end]])[0]) for end in range(1, len(text))]


def test_pooling_is_what_the_file_says(tmp_path: Path) -> None:
    """The last token's vector follows from the last token for the most part, and the mean moves slowly."""
    mean, last = (load(tiny_models.write_embedding(f"{kind}_of_llama", tmp_path)) for kind in ("mean", "last"))
    text = tokens(mean, tiny_models.WORDS)
    assert min(parts(mean, text)[-5:]) > 0.9
    assert min(parts(last, text)[-5:]) < 0.7
    mean.close()
    last.close()


def test_without_a_word_on_pooling_it_is_the_mean(tmp_path: Path) -> None:
    mean, unsaid = (load(tiny_models.write_embedding(kind, tmp_path)) for kind in ("mean_of_llama", "plain_llama"))
    text = tokens(mean, TEXTS[2])
    assert unsaid.embed([text]) == pytest.approx(mean.embed([text]), abs=EXACT)
    mean.close()
    unsaid.close()


def test_a_reranker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendFailure, match=r"is a reranker.* set kind: rerank"):
        load(tiny_models.write_rerank("cross_encoder", tmp_path))


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BackendFailure, match="no model file"):
        load(tmp_path / "none.gguf")


@pytest.mark.parametrize("kind", ["recurrent", "hybrid"])
def test_models_with_a_state_take_one_passage_at_a_time(kind: str, tmp_path: Path) -> None:
    backend = load(tiny_models.write_kind(kind, tmp_path))
    text = tokens(backend, TEXTS[2])
    assert backend.num_slots == 1
    first = backend.embed([text])
    backend.embed([tokens(backend, TEXTS[0])])
    assert backend.embed([text]) == pytest.approx(first, abs=EXACT)
    backend.close()


def test_a_sliding_window_changes_nothing_of_that(tmp_path: Path) -> None:
    backend = load(tiny_models.write_kind("sliding", tmp_path))
    texts = [tokens(backend, text) for text in TEXTS[:4]]
    alone = np.vstack([backend.embed([text]) for text in texts])
    assert backend.embed(texts) == pytest.approx(alone, abs=EXACT)
    backend.close()


def test_pooling_may_be_another_than_the_files(tmp_path: Path) -> None:
    path = tiny_models.write_embedding("mean_of_llama", tmp_path)
    mean = load(path)
    last = LlamaEmbeddingBackend(path, num_slots=SLOTS, context=4096, threads=1, options=Options(pooling="last"))
    text = tokens(mean, tiny_models.WORDS)
    assert min(parts(mean, text)[-5:]) > 0.9
    assert min(parts(last, text)[-5:]) < 0.7
    mean.close()
    last.close()


def test_without_pooling_each_token_has_a_vector_of_which_the_mean_is_the_texts(kind: str, tmp_path: Path) -> None:
    path = tiny_models.write_embedding(kind, tmp_path)
    pooled, unpooled = (
        LlamaEmbeddingBackend(path, num_slots=SLOTS, context=4096, threads=1, options=options)
        for options in (Options(pooling="mean"), Options(pooling="none"))
    )
    texts = [tokens(pooled, text) for text in TEXTS[:4]]
    made = unpooled.embed_tokens(texts)
    assert [each.shape for each in made] == [(len(text), pooled.dimensions) for text in texts]
    for vectors, whole in zip(made, pooled.embed(texts), strict=True):
        mean = vectors.mean(axis=0)
        assert mean / np.linalg.norm(mean) == pytest.approx(whole, abs=EXACT)
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() > 0.01
    pooled.close()
    unpooled.close()
