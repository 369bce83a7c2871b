"""What the head of a model's file tells."""

from __future__ import annotations

from typing import Any

from tasks.models import facts, gguf
from tasks.models.catalogue import DEMO, gguf_path
from tasks.models.gguf import Head, Passed
from tasks.models.gguf_types import Tensor


def head(fields: dict[str, Any], *tensors: Tensor) -> Head:
    return Head(fields, tensors, 0)


def test_the_demo_model_tells_what_it_is() -> None:
    found = facts.of([gguf.head(gguf_path(DEMO))])
    told = (found.name, found.architecture, found.parameters, found.quantisation, found.context, found.layers)
    assert told == ("demo", "llama", 1_435_040, "Q8_0", 1024, 4)
    assert (found.heads, found.kv_heads, found.vocabulary, found.tokenizer) == (5, 5, 1024, "gpt2 (gpt-2)")
    assert (found.chat_template, found.makes_vectors, found.experts) == (True, False, None)


def test_a_file_that_says_nothing_is_told_without_guesses() -> None:
    found = facts.of([head({})])
    assert (found.name, found.architecture, found.parameters, found.quantisation, found.context) == (
        "",
        "",
        0,
        "",
        None,
    )
    assert (found.layers, found.vocabulary, found.tokenizer, found.chat_template) == (None, None, "", False)


def test_numbers_may_differ_by_layer_and_parts_are_added_up() -> None:
    fields = {
        "general.architecture": "x",
        "x.attention.head_count": [4, 8],
        "x.attention.head_count_kv": [2, 0],
        "x.expert_count": 64,
        "x.expert_used_count": 8,
        "x.pooling_type": 1,
        "tokenizer.ggml.tokens": Passed(9),
        "general.file_type": "strange",
    }
    found = facts.of([head(fields, Tensor("a", (4, 2), 12, 0)), head({}, Tensor("b", (3,), 0, 0))])
    assert (found.heads, found.kv_heads, found.experts, found.experts_used) == (8, 2, 64, 8)
    assert (found.parameters, found.quantisation, found.vocabulary, found.makes_vectors) == (11, "Q4_K", 9, True)


def test_a_file_with_a_classifier_is_one_of_a_reranker_unless_it_says_otherwise() -> None:
    classifier = Tensor("cls.output.weight", (4, 1), 0, 0)
    for pooling, scores, vectors in ((4, True, False), (None, True, False), (2, False, True)):
        said = {} if pooling is None else {"bert.pooling_type": pooling}
        found = facts.of([head({"general.architecture": "bert", **said}, classifier)])
        assert (found.scores_pairs, found.makes_vectors) == (scores, vectors)
    assert not facts.of([head({"general.architecture": "bert", "bert.pooling_type": 4})]).scores_pairs


def test_fields_of_other_types_are_left_out() -> None:
    strange = {"general.architecture": 7, "general.name": ["x"], "general.license": 1.5, "tokenizer.ggml.model": True}
    found = facts.of([head(strange)])
    assert (found.architecture, found.name, found.licence, found.tokenizer) == ("", "", "", "")
