"""What all tests share."""

from __future__ import annotations

import hypothesis
import pytest

from tasks.records.outcome import Outcome
from tests.support import job_records
from tests.support.job_records import MakeJob

hypothesis.settings.register_profile("tests", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("tests")


@pytest.fixture
def make_job() -> MakeJob:
    return job_records.make


@pytest.fixture
def outcome() -> Outcome:
    return job_records.make_outcome()
