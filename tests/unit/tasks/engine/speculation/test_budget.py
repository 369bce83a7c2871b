"""Drafts cost no more than they save, but for a hundredth."""

from __future__ import annotations

from tasks.engine.speculation.budget import FIRST, KNOWN, SHARE, Budget


def measured() -> Budget:
    budget = Budget()
    for _ in range(KNOWN):
        budget.plain(1, 0.01)
    return budget


def test_nothing_is_drafted_before_a_plain_step_is_known() -> None:
    assert not Budget().allows(1)
    assert measured().allows(1)
    assert not measured().allows(2)


def test_drafts_that_come_to_nothing_end_and_cost_a_hundredth_of_all_steps() -> None:
    budget, lost, plain = measured(), 0, 0
    for _ in range(1000):
        if budget.allows(1):
            budget.drafted(1, 0.02, accepted=0)  # it took two steps' time
            lost += 1
        else:
            budget.plain(1, 0.01)
            plain += 1
    assert lost <= FIRST + 1 + SHARE * plain


def test_drafts_that_save_more_than_they_cost_go_on() -> None:
    budget = measured()
    for _ in range(100):
        assert budget.allows(1)
        budget.drafted(1, 0.015, accepted=1)


def test_of_several_sequences_a_token_saves_a_part_of_a_step() -> None:
    budget = Budget()
    for _ in range(KNOWN):
        budget.plain(2, 0.01)
    for _ in range(10):
        budget.drafted(2, 0.02, accepted=1)
    assert not budget.allows(2)
