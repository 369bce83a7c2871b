"""How likely the tokens of prompts were: whatever the schedule, what the model says of them alone."""

from __future__ import annotations

import pytest

from tasks.engine.backend import Logprobs, Row
from tasks.engine.engine import Engine, Output
from tasks.engine.fake import FakeBackend
from tasks.engine.prompt_logprobs import MOST_LOGITS, most_rows
from tasks.engine.scheduler import Scheduler
from tasks.engine.slots import SlotPool
from tasks.records.sampling import SamplingParams
from tests.support.decoding import drain, sequence

CONTEXT = 200
TOLD = SamplingParams(temperature=0, logprobs=2, prompt_logprobs=True, max_tokens=5)
READ = SamplingParams(temperature=0, logprobs=2, prompt_logprobs=True, max_tokens=0)
PLAIN = SamplingParams(temperature=0, max_tokens=40)
TALE = b"Once upon a time there was a llama who " * 4


def backend(*, slots: int = 4, cache: int = 4 * CONTEXT, batch: int = 32, can_share: bool = True) -> FakeBackend:
    return FakeBackend(num_slots=slots, context=CONTEXT, cache_tokens=cache, batch_tokens=batch, can_share=can_share)


def alone(prompt: bytes) -> tuple[Logprobs, ...]:
    """What the model says of a prompt of which one token is run at a time."""
    model, told = backend(), []
    for at, token in enumerate(prompt[:-1]):
        model.decode([Row(token, at, 0, True)])
        told.append(model.logprobs(0, prompt[at + 1], 2))
    return tuple(told)


def run(model: FakeBackend, *asked: tuple[bytes, SamplingParams]) -> dict[int, list[Output]]:
    engine = Engine(model)
    engine.submit(
        sequence(prompt, job=number, index=number, params=params, context=CONTEXT)
        for number, (prompt, params) in enumerate(asked)
    )
    made: dict[int, list[Output]] = {}
    for output in drain(engine):
        made.setdefault(output.sequence.index, []).append(output)
    return made


@pytest.mark.parametrize("batch", [7, 32, 64, 512])
@pytest.mark.parametrize("can_share", [True, False])
def test_they_come_once_with_the_first_token_however_the_prompt_is_cut(batch: int, can_share: bool) -> None:
    made = run(backend(batch=batch, can_share=can_share), (TALE, TOLD), (TALE[:50], TOLD), (TALE[3:], PLAIN))
    for number, prompt in enumerate((TALE, TALE[:50])):
        first, *others = made[number]
        assert first.prompt_logprobs == alone(prompt)
        assert not any(output.prompt_logprobs for output in others)
    assert not any(output.prompt_logprobs for output in made[2])


def test_a_prefix_that_another_computed_is_computed_again_for_its_logits() -> None:
    model = backend()
    engine = Engine(model)
    for params in (PLAIN, TOLD, TOLD, PLAIN):
        engine.submit([sequence(TALE, params=params, context=CONTEXT)])
        first = drain(engine)[0]
        assert first.prompt_logprobs == (alone(TALE) if params is TOLD else ())
        assert first.sequence.num_cached == (0 if params is TOLD or not engine.figures.cached_tokens else len(TALE) - 1)


def test_a_prompt_that_is_only_read_ends_with_no_token() -> None:
    (output,) = run(backend(), (TALE, READ))[0]
    assert (output.token, output.text, output.finish_reason) == (None, "", "length")
    assert output.prompt_logprobs == alone(TALE)


def test_a_prompt_of_one_token_has_none() -> None:
    (output,) = run(backend(), (b"x", READ))[0]
    assert output.prompt_logprobs == ()


def test_they_survive_a_cache_that_is_too_full() -> None:
    asked = [(TALE, TOLD), (TALE, PLAIN), (TALE[5:], TOLD), (TALE[9:], PLAIN)]
    made = run(backend(cache=CONTEXT + 20), *asked)
    for number, (prompt, params) in enumerate(asked):
        assert made[number][0].prompt_logprobs == (alone(prompt) if params is TOLD else ())


def test_a_batch_tells_a_limited_number_of_them_and_all_of_one_prompt() -> None:
    slots = SlotPool(num_slots=8, cache_tokens=2000, can_share=True)
    scheduler = Scheduler(slots, max_running=4, batch_tokens=512, prompt_logits=70)
    for job in range(4):
        scheduler.add(sequence(TALE[job:], job=job, params=TOLD, context=CONTEXT))
    plan = scheduler.plan(512)
    assert [row.slot for row in plan.rows if row.wants_logits] == [0] * 70
    assert most_rows(151_936) * 151_936 <= MOST_LOGITS
