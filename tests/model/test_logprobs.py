"""Logarithms of probabilities: what the engine tells, and how it travels."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import numpy as np
import pytest

from app.endpoints.openai.result import result
from tasks.engine.engine import Engine, Output
from tasks.engine.llama import LlamaBackend
from tasks.engine.llama.logits import Distribution, Mask, work_for
from tasks.models.catalogue import DEMO, gguf_path
from tasks.records.event import Event, encode_token
from tasks.records.job import Operation
from tasks.records.logprobs import TokenLogprobs
from tasks.records.outcome import Choice, Outcome, Usage
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain, sequence
from tests.support.job_records import MakeJob, as_read
from tests.support.own_logits import own_logprobs

TOLD = TokenLogprobs(17, b"\xc3", -0.25, ((b"\xc3", -0.25), (b" a", -1.5)))


@pytest.fixture(scope="module")
def demo() -> Iterator[LlamaBackend]:
    backend = LlamaBackend(gguf_path(DEMO), num_slots=2, context=256, cache_tokens=512, threads=1)
    yield backend
    backend.close()


def outputs(backend: LlamaBackend, params: SamplingParams) -> list[Output]:
    text = backend.render_chat([{"role": "user", "content": "What is 12 + 7?"}])
    prompt = backend.tokenize(text, add_special=False, parse_special=True)
    engine = Engine(backend)
    engine.submit([sequence(prompt, params=params, context=256)])
    return drain(engine)


def test_greedy_takes_the_likeliest_token(demo: LlamaBackend) -> None:
    for output in outputs(demo, SamplingParams(temperature=0, logprobs=3))[:-1]:
        assert output.logprobs is not None
        assert output.logprobs.token == output.token == output.logprobs.top[0][0]
        assert output.logprobs.logprob == output.logprobs.top[0][1] <= 0
        assert [value for _, value in output.logprobs.top] == sorted(
            (value for _, value in output.logprobs.top), reverse=True
        )


def test_all_probabilities_sum_to_one(demo: LlamaBackend) -> None:
    first = outputs(demo, SamplingParams(temperature=0, logprobs=demo.vocab_size, max_tokens=1))[0]
    assert first.logprobs is not None
    assert len(first.logprobs.top) == demo.vocab_size
    assert math.isclose(sum(math.exp(value) for _, value in first.logprobs.top), 1.0, abs_tol=1e-4)


def test_the_end_has_no_logprobs(demo: LlamaBackend) -> None:
    made = outputs(demo, SamplingParams(temperature=0, logprobs=0))
    assert made[-1].finish_reason == "stop"
    assert made[-1].logprobs is None
    assert made[0].logprobs is not None
    assert made[0].logprobs.top == ()


def test_they_are_the_models_own_whatever_is_added(demo: LlamaBackend) -> None:
    plain = outputs(demo, SamplingParams(temperature=0, logprobs=1, max_tokens=1))[0]
    assert plain.logprobs is not None
    assert plain.token is not None
    biased = outputs(demo, SamplingParams(temperature=0, logprobs=1, max_tokens=1, logit_bias=((plain.token, -100),)))
    assert biased[0].logprobs is not None
    assert biased[0].token != plain.token
    assert biased[0].logprobs.top == plain.logprobs.top
    assert biased[0].logprobs.logprob < plain.logprobs.logprob


def test_none_are_told_unless_asked_for(demo: LlamaBackend) -> None:
    assert all(output.logprobs is None for output in outputs(demo, SamplingParams(temperature=0)))


def test_ties_are_cut_at_the_number_asked_for() -> None:
    distribution = Distribution(5)
    distribution.read(np.zeros(5, np.float32))
    assert [token for token, _ in distribution.top(2)] == [0, 1]
    assert distribution.top(1)[0][1] == pytest.approx(math.log(0.2))
    assert len(distribution.top(9)) == 5


def test_a_mask_forbids_what_its_bits_do_not_allow() -> None:
    mask, logits = Mask(40), np.ones(40, np.float32)
    bits = np.zeros(mask.num_bytes, np.uint8)
    bits[[0, 4]] = [0b101, 0b1000_0000]
    mask._bytes[:] = bits
    mask.forbid(logits, work_for(40))
    assert np.flatnonzero(np.isfinite(logits)).tolist() == [0, 2, 39]


def test_they_survive_an_event_and_a_result() -> None:
    body = encode_token(index=0, text="x", tokens=[17], finish_reason=None, logprobs=[TOLD.written()])
    event = Event.decode("5-1", json.loads(body))
    assert event.logprobs == (TOLD,)
    choice = Choice(index=0, text="x", finish_reason="stop", logprobs=(TOLD,))
    outcome = Outcome(choices=(choice,), usage=Usage(prompt_tokens=1, completion_tokens=1))
    assert Outcome.decode(outcome.encode()) == outcome


def test_a_chat_tells_them_as_openai_does(make_job: MakeJob) -> None:
    choice = Choice(index=0, text="x", finish_reason="stop", logprobs=(TOLD,))
    job = make_job(outcome=Outcome(choices=(choice,), usage=Usage(prompt_tokens=1, completion_tokens=1)))
    made = as_read(result(job))
    assert made["choices"][0]["logprobs"] == {
        "content": [
            {
                "token": "\ufffd",
                "logprob": -0.25,
                "bytes": [0xC3],
                "top_logprobs": [
                    {"token": "\ufffd", "logprob": -0.25, "bytes": [0xC3]},
                    {"token": " a", "logprob": -1.5, "bytes": [32, 97]},
                ],
            }
        ],
        "refusal": None,
    }


def test_a_completion_tells_them_as_openai_does(make_job: MakeJob) -> None:
    told = (TokenLogprobs(1, b"Hi", -0.5, ((b"Hi", -0.5),)), TokenLogprobs(2, b"!", -0.1, ()))
    choice = Choice(index=0, text="Hi!", finish_reason="stop", logprobs=told)
    usage = Usage(prompt_tokens=1, completion_tokens=2)
    job = make_job(operation=Operation.COMPLETION, outcome=Outcome(choices=(choice,), usage=usage))
    made = as_read(result(job))
    assert made["choices"][0]["logprobs"] == {
        "tokens": ["Hi", "!"],
        "token_logprobs": [-0.5, -0.1],
        "top_logprobs": [{"Hi": -0.5}, {}],
        "text_offset": [0, 2],
    }


def test_a_prompts_first_token_has_no_logprob_in_an_event_and_a_result() -> None:
    first = TokenLogprobs(5, b"a", None, ())
    told = [first.written(), TOLD.written()]
    body = encode_token(index=0, text="", tokens=[], finish_reason="length", logprobs=told, prompt="a")
    event = Event.decode("5-1", json.loads(body))
    assert (event.logprobs, event.prompt) == ((first, TOLD), "a")
    choice = Choice(index=0, text="", finish_reason="length", logprobs=(first, TOLD), prompt="a")
    outcome = Outcome(choices=(choice,), usage=Usage(prompt_tokens=2, completion_tokens=0))
    assert Outcome.decode(outcome.encode()) == outcome


@pytest.mark.parametrize("max_tokens", [0, 3])
@pytest.mark.parametrize("repeats", [1, 9, 20])
def test_the_logarithms_of_a_prompt_are_llama_cpps_own(max_tokens: int, repeats: int) -> None:
    demo = LlamaBackend(gguf_path(DEMO), num_slots=2, context=512, cache_tokens=1024)
    prompt = demo.tokenize("Once upon a time there was a llama. " * repeats, add_special=True, parse_special=True)
    params = SamplingParams(temperature=0, logprobs=2, prompt_logprobs=True, max_tokens=max_tokens)
    engine = Engine(demo)
    for _ in range(2):  # the second time all of it could be shared
        engine.submit([sequence(prompt, params=params, context=512)])
        told = [one for output in drain(engine) for one in output.prompt_logprobs]
        assert [one.token for one in told] == prompt[1:]
        assert {len(one.top) for one in told} == {2}
        # Where the edges of llama.cpp's tiles lie depends on what the cache holds besides, so then digits differ.
        exactness = 0.5 if engine.figures.prompt_tokens > len(prompt) else 1e-3
        assert [one.logprob for one in told] == pytest.approx(own_logprobs(prompt), abs=exactness)
    engine.close()
