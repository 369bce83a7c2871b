"""What requests ask, as a digest: equal for those whose answers are certain to be the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records.job import Operation
from tasks.records.repeated import digest_of
from tasks.records.sampling import SamplingParams

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
TURNED = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}


def chat(*, text: str = "Hi", model: str = "m", sampling: dict[str, Any] | None = None, **fields: Any) -> str | None:
    params = SamplingParams(**{"temperature": 0.0, "max_tokens": 8, **(sampling or {})})
    request = {"messages": [{"role": "user", "content": text}], "sampling": params.encode(), **fields}
    return digest_of(model, Operation.CHAT, request)


def tool(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "f", "parameters": parameters}]


def test_equal_requests_have_one_digest() -> None:
    assert chat() == chat() is not None


@pytest.mark.parametrize(
    "other",
    [
        {"model": "n"},
        {"text": "Hi "},
        {"adapters": [["a", 1.0]]},
        {"adapters": [["a", 0.5]]},
        {"tools": tool(SCHEMA)},
        {"tools": tool(TURNED)},
        {"template_variables": {"date_string": "1 Jan"}},
        {"continues": True},
        {"tells_times": True},
        *(
            {"sampling": {name: value}}
            for name, value in {
                "max_tokens": 9,
                "n": 2,
                "logprobs": 1,
                "grammar": "g",
                "stop": ("x",),
                "logit_bias": ((1, 2.0),),
                "text_bias": (("a", 2.0),),
                "repeat_penalty": 1.1,
                "ignore_eos": True,
                "top_p": 0.5,
            }.items()
        ),
    ],
    ids=str,
)
def test_whatever_reaches_the_model_makes_another(other: dict[str, Any]) -> None:
    assert chat(**other) not in (chat(), None)


def test_the_order_in_which_a_schema_is_written_makes_another() -> None:
    assert chat(tools=tool(SCHEMA)) != chat(tools=tool(TURNED))


def test_what_is_only_told_again_makes_none() -> None:
    assert chat(service_tier="flex", response={"user": "u"}) == chat()


@given(st.integers(0, 2**63 - 1))
def test_a_seed_counts_only_where_something_is_drawn(seed: int) -> None:
    for greedy in ({"temperature": 0.0}, {"temperature": 1.0, "top_k": 1}):
        assert (
            chat(sampling={**greedy, "seed": seed, "seeded": True}) == chat(sampling={**greedy, "seed": 1}) is not None
        )
    drawn = {"temperature": 1.0, "seeded": True}
    assert (chat(sampling={**drawn, "seed": seed}) == chat(sampling={**drawn, "seed": 1})) == (seed == 1)
    assert chat(sampling={"temperature": 1.0, "seed": seed}) is None


def test_vectors_and_scores_are_always_the_same_and_small_jobs_are_not_kept() -> None:
    assert digest_of("m", Operation.EMBEDDING, {"input": ["a"]}) != digest_of("m", Operation.RERANK, {"input": ["a"]})
    assert digest_of("m", Operation.TOKENIZE, {"content": "a"}) is None


def test_a_lone_surrogate_is_no_trouble() -> None:
    assert chat(text="\ud800") not in (None, chat())
