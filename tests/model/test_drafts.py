"""The demo model writes the same with drafts as without, whether it chooses the likeliest tokens or draws."""

from __future__ import annotations

import pytest

from tasks.engine.engine import Engine
from tasks.engine.llama import LlamaBackend
from tasks.engine.sequence import Sequence
from tasks.engine.speculation.speculation import MOST_ROWS, Mode
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain

ASKED = ["Tell me a story about a fox.", "Count to 20.", "Tell me a long story about a llama.", "What is 12 + 7?"]


def written(backend: LlamaBackend, mode: Mode, params: SamplingParams) -> tuple[list[list[int]], Engine]:
    """The tokens of each answer, one answer after the other."""
    engine, made = Engine(backend, speculation=mode), []
    for text in ASKED:
        prompt = backend.tokenize(
            backend.render_chat([{"role": "user", "content": text}]), add_special=False, parse_special=True
        )
        engine.submit([one := Sequence(job=text, index=0, prompt=prompt, params=params, context=1024)])
        drain(engine)
        made.append(one.generated)
    return made, engine


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(temperature=0.0, max_tokens=200),
        SamplingParams(temperature=0.8, seed=7, max_tokens=200, logprobs=1),
        SamplingParams(temperature=0.7, seed=3, repeat_penalty=1.05, max_tokens=200),
    ],
    ids=["greedy", "drawn", "penalised"],
)
def test_tokens_are_the_same_with_drafts(params: SamplingParams) -> None:
    backend = LlamaBackend(
        gguf_path(DEMO), num_slots=2, context=1024, cache_tokens=2048, threads=1, draft_rows=MOST_ROWS
    )
    plain, _ = written(backend, "off", params)
    drafted, engine = written(backend, "lookup", params)
    assert drafted == plain
    assert engine.figures.drafted_tokens > engine.figures.accepted_tokens > 0
    assert engine.figures.steps < sum(map(len, drafted))
    backend.close()


def test_there_is_room_for_the_logits_of_a_draft_though_there_is_one_slot() -> None:
    """A prompt that repeats itself has the longest drafts."""
    backend = LlamaBackend(
        gguf_path(DEMO), num_slots=1, context=1024, cache_tokens=1024, threads=1, draft_rows=MOST_ROWS
    )
    prompt = backend.tokenize("one two three four " * 40, add_special=False, parse_special=True)
    engine = Engine(backend, speculation="lookup")
    params = SamplingParams(temperature=0.0, max_tokens=300, ignore_eos=True)
    engine.submit([one := Sequence(job="x", index=0, prompt=prompt, params=params, context=1024)])
    drain(engine)
    assert one.num_generated == 300
    assert one.num_drafted > MOST_ROWS
    backend.close()
