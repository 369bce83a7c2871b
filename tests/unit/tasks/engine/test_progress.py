"""How far a prompt has been read is told to those who ask, and to no others."""

from __future__ import annotations

import pytest

from tasks.engine.engine import Engine, Output
from tasks.engine.fake import FakeBackend
from tasks.engine.progress import MOST_REPORTS, Progress
from tasks.engine.sequence import Sequence
from tests.support.decoding import GREEDY, drain

CONTEXT = 1024


def engine(*, batch: int = 64, across_owners: bool = False) -> Engine:
    backend = FakeBackend(num_slots=2, context=CONTEXT, cache_tokens=4 * CONTEXT, batch_tokens=batch)
    return Engine(backend, across_owners=across_owners)


def sequence(size: int = 200, *, asks: bool = True, owner: str = "one") -> Sequence:
    prompt = [number % 200 for number in range(size)]
    return Sequence(job=owner, index=0, prompt=prompt, params=GREEDY, context=CONTEXT, owner=owner, tells_progress=asks)


def run(on: Engine, *sequences: Sequence) -> list[Output]:
    on.submit(sequences)
    return drain(on)


def told(outputs: list[Output]) -> list[Progress]:
    return [output.progress for output in outputs if output.progress is not None]


def test_a_prompt_is_told_before_its_first_token_and_after_each_step() -> None:
    outputs = run(engine(), sequence(200))
    reports = told(outputs)
    assert [report.processed for report in reports] == [0, 64, 128, 192, 200]
    assert {(report.total, report.cached) for report in reports} == {(200, 0)}
    assert sorted(report.seconds for report in reports) == [report.seconds for report in reports]
    assert [output.progress is not None for output in outputs[:6]] == [True] * 5 + [False], "before the first token"
    assert all(output.token is None and not output.text for output in outputs if output.progress)


def test_nobody_is_told_who_does_not_ask() -> None:
    assert told(run(engine(), sequence(asks=False))) == []


def test_what_was_computed_before_is_told_as_cached() -> None:
    on = engine()
    run(on, sequence(200))
    first, *others = told(run(on, sequence(200)))
    assert first.cached == first.processed > 0
    assert others[-1].processed == 200


@pytest.mark.parametrize("across_owners", [False, True])
def test_of_another_owners_tokens_nothing_is_told(across_owners: bool) -> None:
    on = engine(across_owners=across_owners)
    run(on, sequence(200))
    first, *_, last = told(run(on, sequence(200, owner="two")))
    assert (first.cached, first.processed) == (0, 0)
    assert (last.cached, last.processed) == (0, 200)


def test_a_long_prompt_is_told_in_a_hundred_parts_at_most() -> None:
    reports = told(run(engine(batch=2), sequence(1000)))
    assert len(reports) <= MOST_REPORTS + 2
    assert (reports[0].processed, reports[-1].processed) == (0, 1000)


def test_an_answer_that_goes_on_elsewhere_has_its_prompt_told_no_more() -> None:
    on = engine()
    begun = sequence(200)
    begun.extend(65, b"A", ends=False)
    assert told(run(on, begun)) == []
