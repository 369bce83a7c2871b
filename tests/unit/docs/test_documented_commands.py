"""Every command of README and docs is typed by tests/e2e/test_documented_commands.py, or left out for a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.support.documented import (
    GIVEN,
    NOT_TYPED,
    NOT_TYPED_IN_SENTENCES,
    OF_THE_CLIENT,
    SCREENS,
    STATUS,
    TYPED_MEANWHILE,
    fitting,
    in_sentences,
    shown,
)
from tests.support.pages import HOUSE, PAGES, spans


def test_no_command_of_a_page_is_overlooked() -> None:
    """Whatever the form of its block: it is typed, or left out by `NOT_TYPED`."""
    known = {(page, line) for page, command in shown() for line in command.splitlines()}
    pattern = re.compile(r"^ *(?:\$ )?((?:\w+=\S+ +)*(?:caravan|curl) .*)$", re.MULTILINE)
    lines = {(page, line) for page in PAGES for line in pattern.findall((HOUSE / page).read_text())}
    assert lines - known == set()


def test_of_the_command_only_its_help_and_the_start_of_the_cluster_are_left_out() -> None:
    ours = {command for _, command in shown() if command.startswith(("caravan", "curl"))}
    left_out = {command for page, command in shown() if fitting(NOT_TYPED, page, command)}
    assert {command for command in ours & left_out if not command.endswith(" --help")} == {"caravan up"}


def test_all_python_of_the_client_is_run_with_the_client_alone() -> None:
    assert {page for page, text in shown() if "from caravan_client" in text} <= set(OF_THE_CLIENT)


@pytest.mark.parametrize(
    "table", [NOT_TYPED, TYPED_MEANWHILE, STATUS, GIVEN, dict.fromkeys(SCREENS)], ids=lambda table: min(table)
)
def test_every_pattern_is_about_something_that_is_shown(table: Mapping[str, object]) -> None:
    fit = {pattern for pattern in table for page, text in shown() if fitting({pattern: True}, page, text)}
    assert set(table) - fit == set()


def test_every_pattern_for_sentences_is_about_one_that_is_there() -> None:
    there = {span for page in PAGES for span in spans(page)}
    fit = {pattern for pattern in NOT_TYPED_IN_SENTENCES for span in there if fitting({pattern: True}, "", span)}
    assert set(NOT_TYPED_IN_SENTENCES) - fit == set()


def test_what_is_only_named_in_a_sentence_is_not_typed() -> None:
    typed = {command for _, command in in_sentences()}
    assert {"caravan jobs list --status failed", "caravan status"} <= typed
    assert not {"caravan jobs", "caravan submit", "caravan jobs show", "caravan up --models models.yaml"} & typed
