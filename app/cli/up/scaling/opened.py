"""The scaler of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from math import inf

from app.cli.up.log_files import LogFile
from app.cli.up.programs import Cluster
from app.cli.up.scaling.ledger_line import LedgerLine
from app.cli.up.scaling.scaler import Scaler
from app.cli.up.scaling.sizing import Sizing
from app.cli.up.supervisor import Supervisor
from tasks.ledger.connection import connect
from tasks.ledger.ledger import open_ledger
from tasks.machine.memory import read_room
from tasks.settings import Settings

BUDGET_SHARE = 0.8
"""Of the machine's memory, or of the control group's limit; the web front, Redis and the system have the rest."""


@contextmanager
def scaling(
    cluster: Cluster,
    env: Mapping[str, str],
    settings: Settings,
    *,
    supervisor: Supervisor,
    log: Callable[[str], LogFile],
    note: Callable[[str], None],
) -> Iterator[Scaler]:
    """What starts and stops workers by demand, and by another catalogue.

    Args:
        env: what workers are told beside our own environment.
        log: opens the log of a program.
        note: is told each decision in a sentence.
    """
    there = settings.model_copy(update={"redis_url": env.get("CARAVAN_REDIS_URL", settings.redis_url)})
    client = connect(there.ledger_url)
    scaler = Scaler(
        cluster.catalogue,
        workers={} if cluster.scales else cluster.workers,
        budget=budget(settings),
        drain_seconds=float(env["CARAVAN_DRAIN_SECONDS"]),
        supervisor=supervisor,
        ledger=open_ledger(settings, client),
        line=LedgerLine(client, list(cluster.catalogue)),
        sizing=Sizing(cluster.catalogue, {**os.environ, **env}),
        program=lambda name, model: cluster.worker(name, model, env, log),
        note=note,
    )
    with closing(scaler):
        yield scaler


def budget(settings: Settings) -> float:
    """Bytes that the workers of all models may take together; inf where nothing tells what there is."""
    if settings.memory_budget is not None:
        return settings.memory_budget
    room = read_room()
    return inf if room is None else int(room.total * BUDGET_SHARE)
