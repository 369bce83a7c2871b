"""Constrained output on a real model: it always parses, whatever the model would rather say."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from typing import Any

import jsonschema
import pytest

from tasks.answers.constraint import from_json_schema, from_text
from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence
from tasks.errors import InvalidRequest
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain, twin
from tests.support.random_schemas import random_schema

NUM_SCHEMAS = 200
CONTEXT = 512


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=8, context=CONTEXT, cache_tokens=8 * CONTEXT, threads=1)
    yield backend
    backend.close()


def asked(backend: LlamaBackend, question: str = "What is the capital of France?", **params: Any) -> Sequence:
    text = backend.render_chat([{"role": "user", "content": question}])
    prompt = backend.tokenize(text, add_special=False, parse_special=True)
    return Sequence(job=object(), index=0, prompt=prompt, params=SamplingParams(**params), context=CONTEXT)


def answers(backend: LlamaBackend, *sequences: Sequence) -> list[str]:
    engine = Engine(backend)
    for sequence in sequences:
        backend.check(sequence.params)
    engine.submit(sequences)
    drain(engine)
    return [sequence.text for sequence in sequences]


def test_random_schemas_give_valid_instances_unless_cut(demo: LlamaBackend) -> None:
    schemas = [random_schema(seed) for seed in range(NUM_SCHEMAS)]
    sequences = [
        asked(demo, temperature=1.0, seed=seed, grammar=from_json_schema(schema), max_tokens=300)
        for seed, schema in enumerate(schemas)
    ]
    answers(demo, *sequences)
    ended = [(schema, s) for schema, s in zip(schemas, sequences, strict=True) if s.finish_reason == "stop"]
    for schema, sequence in ended:
        jsonschema.validate(json.loads(sequence.text), schema, cls=jsonschema.Draft202012Validator)
    cut = [sequence for sequence in sequences if sequence.finish_reason != "stop"]
    assert all(sequence.finish_reason == "length" for sequence in cut)
    assert len(ended) > NUM_SCHEMAS * 0.9


def test_output_that_is_cut_says_so(demo: LlamaBackend) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    cut = asked(demo, temperature=1.0, grammar=from_json_schema(schema), max_tokens=2)
    answers(demo, cut)
    assert cut.finish_reason == "length"


def test_a_grammar_allows_nothing_else(demo: LlamaBackend) -> None:
    grammar = from_text('root ::= "yes" | "no"')
    sequences = [asked(demo, temperature=2.0, seed=seed, grammar=grammar) for seed in range(20)]
    assert set(answers(demo, *sequences)) == {"yes", "no"}


XTC = {"xtc_probability": 1.0, "xtc_threshold": 0.0, "min_p": 0.0, "top_p": 1.0}


@pytest.mark.parametrize("params", [{"typical_p": 0.3}, {"top_k": 0, "top_p": 1.0, "min_p": 0.0}, {"top_k": 1}, XTC])
def test_no_sampler_gets_around_a_grammar(demo: LlamaBackend, params: dict[str, Any]) -> None:
    grammar = from_text('root ::= [0-9] [0-9] "!"')
    sequences = [asked(demo, temperature=1.5, seed=seed, grammar=grammar, **params) for seed in range(8)]
    for text in answers(demo, *sequences):
        assert len(text) == 3
        assert text[:2].isdigit()


def test_a_constrained_sequence_goes_on_from_any_of_its_tokens(demo: LlamaBackend) -> None:
    grammar = from_json_schema(random_schema(7))
    whole = asked(demo, temperature=0.0, grammar=grammar, max_tokens=60)
    (text,) = answers(demo, whole)
    for count in range(1, whole.num_generated, 7):
        again = twin(whole, tokens=whole.generated[:count], backend=demo)
        answers(demo, again)
        assert again.text == text


def test_a_bias_forbids_and_forces(demo: LlamaBackend) -> None:
    (plain,) = answers(demo, asked(demo, temperature=0.0))
    sequence = asked(demo, temperature=0.0)
    answers(demo, sequence)
    first = sequence.generated[0]
    forbidden = asked(demo, temperature=0.0, logit_bias=((first, -100.0),), max_tokens=1)
    forced = asked(demo, temperature=1.0, logit_bias=((first, 100.0),), max_tokens=3)
    answers(demo, forbidden, forced)
    assert plain
    assert forbidden.generated[0] != first
    assert set(forced.generated) == {first}


def test_a_bias_on_a_token_that_is_not_there_is_refused(demo: LlamaBackend) -> None:
    with pytest.raises(InvalidRequest, match="vocabulary"):
        demo.check(SamplingParams(logit_bias=((demo.vocab_size, 1.0),)))


def test_a_grammar_that_grows_beyond_its_limits_fails_its_job_alone(demo: LlamaBackend) -> None:
    properties = {f"p{number}": {"type": "integer"} for number in range(2000)}
    grammar = from_json_schema({"type": "object", "properties": properties})
    failed: dict[Hashable, str] = {}
    engine = Engine(demo, on_failed=failed.__setitem__)
    greedy, doomed = asked(demo, temperature=0.0), asked(demo, temperature=0.0, grammar=grammar)
    engine.submit([doomed, greedy])
    drain(engine)
    assert list(failed) == [doomed.job]
    assert "cannot be followed any further" in failed[doomed.job]
    assert greedy.finish_reason == "stop"
