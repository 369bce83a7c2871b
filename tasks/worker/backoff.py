"""When a job that failed by a fault of the server's is tried again."""

from __future__ import annotations

import random

from tasks.errors import CaravanError, JobTimeout
from tasks.records.job import Job

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0


def seconds_until_retry(job: Job, error: CaravanError) -> float | None:
    """Seconds to wait: twice as many after each failure, less up to a half by chance. None if the job has failed."""
    passing = error.http_status >= 500 and not isinstance(error, JobTimeout)
    if not passing or job.server_errors + 1 >= job.max_attempts:
        return None
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**job.server_errors)
    return longest * random.uniform(0.5, 1.0)
