"""``caravan bulk run --preview``."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import click

from app.bulk.columns import AnswerColumns
from app.bulk.preview import Previewed, answer_of, answered
from app.cli.patience import waiting_for
from caravan_client import Client, Job
from tasks.errors import CaravanError


def show(api: Client, rows: Sequence[Previewed], columns: AnswerColumns, *, total: int) -> None:
    """Ask about rows and print what is asked and answered. Deletes the jobs, also if it is interrupted.

    Somebody looks on, so the jobs are not behind all others, as those of a run are.
    """
    jobs: list[Job | None] = []
    try:
        for row in rows:
            job = None if row.body is None else api.submit({**row.body, "priority": "normal"})
            jobs.append(job)
        for number, (row, job) in enumerate(zip(rows, jobs, strict=True), 1):
            click.echo(f"-- row {number} of {total}")
            for line in row.asked():
                click.echo(line)
            answer = row.failure
            if job is not None:
                with waiting_for(api, job.id, cancels=True):
                    answer = answer_of(api.wait(job), columns)
            assert answer is not None, "a row without a job says why"
            for line in answered(answer, columns):
                click.echo(line)
    finally:
        with contextlib.suppress(CaravanError):
            api.delete([job for job in jobs if job is not None])
    click.echo(f"Asked {len(rows)} of {total} rows, and wrote nothing. Leave --preview out to run them all.", err=True)
