"""On a real model: greedy text is the same alone and among others."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.prefixes import common_prefix
from tasks.engine.sequence import Sequence
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain

NUM_PROMPTS = 200
CONTEXT = 512
COUNTRIES = ["France", "Japan", "Chile", "Kenya", "Norway", "Italy", "Spain", "Peru", "Egypt", "India"]


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=16, context=CONTEXT, cache_tokens=16 * CONTEXT, threads=1)
    yield backend
    backend.close()


def questions() -> list[str]:
    rng = random.Random(1)
    return [
        rng.choice(
            [
                f"What is {rng.randint(1, 49)} + {rng.randint(1, 49)}?",
                f"What is the capital of {rng.choice(COUNTRIES)}?",
                f"Count to {rng.randint(3, 19)}.",
                f"Tell me a story about a {rng.choice(['fox', 'cat', 'dog', 'bird'])}.",
                f"What is the weather in {rng.choice(['Paris', 'Tokyo', 'Rome'])}?",
            ]
        )
        for _ in range(NUM_PROMPTS)
    ]


def texts(backend: LlamaBackend, asked: list[str]) -> list[str]:
    params = SamplingParams(temperature=0, max_tokens=150)
    sequences = []
    for number, question in enumerate(asked):
        rendered = backend.render_chat([{"role": "user", "content": question}])
        prompt = backend.tokenize(rendered, add_special=False, parse_special=True)
        sequences.append(Sequence(job=number, index=0, prompt=prompt, params=params, context=CONTEXT))
    engine = Engine(backend)
    engine.submit(sequences)
    drain(engine)
    return [sequence.text for sequence in sequences]


def test_greedy_text_among_fifteen_others_is_the_text_alone(demo: LlamaBackend) -> None:
    asked = questions()
    alone = [texts(demo, [question])[0] for question in asked]
    assert texts(demo, asked) == alone


SYSTEM = "You are a helpful assistant who answers in short sentences. " * 6


def with_one_prefix(backend: LlamaBackend) -> list[Sequence]:
    rendered = [
        backend.render_chat([{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}])
        for question in questions()[:16]
    ]
    prompts = [backend.tokenize(text, add_special=False, parse_special=True) for text in rendered]
    params = SamplingParams(temperature=0, max_tokens=60)
    return [
        Sequence(job=number, index=0, prompt=prompt, params=params, context=CONTEXT)
        for number, prompt in enumerate(prompts)
    ]


def test_sixteen_jobs_that_arrive_together_compute_their_common_prefix_once(demo: LlamaBackend) -> None:
    sequences = with_one_prefix(demo)
    shared = min(common_prefix(sequence.tokens, sequences[0].tokens) for sequence in sequences)
    own = [sequence.num_prompt_tokens - shared for sequence in sequences]
    engine = Engine(demo)
    engine.submit(sequences)
    drain(engine)
    assert shared > 60
    assert engine.figures.prompt_tokens <= shared + sum(own)
    assert sequences[0].num_cached == 0
    assert all((sequence.num_cached or 0) >= shared for sequence in sequences[1:])


def test_a_shared_prefix_changes_no_greedy_text(demo: LlamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    sharing, apart = with_one_prefix(demo), with_one_prefix(demo)
    for sequences, can_share in ((sharing, True), (apart, False)):
        monkeypatch.setattr(demo, "can_share", can_share)
        engine = Engine(demo)
        engine.submit(sequences)
        drain(engine)
    assert sum(sequence.num_cached or 0 for sequence in apart) == 0
    assert [sequence.text for sequence in sharing] == [sequence.text for sequence in apart]
