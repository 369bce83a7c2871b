"""Kill, freeze and cut a cluster under mixed load, and find out whether anything is lost, doubled, wrong or left over.

Exits with 1 if so, and keeps the folder with the logs. What is at risk is described in docs/architecture.md, "When a
process dies".
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tasks import logs
from tasks.settings import Settings
from tests.fault.chaos import leftovers, report
from tests.fault.chaos.cluster import Cluster
from tests.fault.chaos.ledger import Ledger
from tests.fault.chaos.load import Load
from tests.fault.chaos.monkey import WAYS, Monkey
from tests.fault.chaos.report import Run
from tests.fault.chaos.verify import Violation

CLIENTS = 24
PATIENCE_SECONDS = 180.0
"""For the jobs that are alive when the monkey stops."""


def main() -> int:
    """Run as asked; 1 if anything was violated."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the cluster is stopped too
    logs.configure(Settings(log_level="error"))
    folder = Path(tempfile.mkdtemp(prefix="caravan-chaos-"))
    _say(f"logs: {folder}")
    run = _run(folder, options)
    sys.stdout.write(report.text(run))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report.encode(run), indent=2) + "\n")
    if run.violations:
        sys.stdout.write(f"\nThe logs are in {folder}.\n")
        return 1
    shutil.rmtree(folder)
    return 0


def _run(folder: Path, options: argparse.Namespace) -> Run:
    minutes, seed = options.minutes, options.seed
    cluster = Cluster(folder)
    ledger = Ledger(cluster.redis.url)
    load = Load(cluster.urls, ledger, seed=seed, count=options.clients)
    monkey = Monkey(cluster, ledger, random.Random(f"{seed}-monkey"), only=options.only, every=options.every)
    violations: list[Violation] = []
    try:
        _say("starting")
        cluster.start()
        _say("undisturbed: each text of the pool")
        load.learn()
        _say(f"{minutes:g} minutes of chaos")
        load.begin()
        monkey.rage(60 * minutes)
        _say("calm: the last jobs end")
        load.end(PATIENCE_SECONDS)
        run = Run(seed=seed, minutes=minutes, commit=_commit(), acts=monkey.acts, records=load.records, violations=())
        violations += leftovers.check_slots(ledger)
        violations += leftovers.check_totals(ledger, sum(bool(record.job_id) for record in load.records), run.ended)
        _say("waiting for the results to expire")
        violations += leftovers.check_keys(ledger)
    finally:
        monkey.calm()
        load.close()
        left = cluster.stop()
    violations += [Violation("leak", "", f"processes are left: {left}")] if left else []
    of_jobs = [violation for record in load.records for violation in record.violations]
    return dataclasses.replace(run, violations=[*of_jobs, *violations])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="of chaos; the whole run takes some three more")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of every choice; a new one if left out")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="jobs alive at any time")
    parser.add_argument("--only", choices=WAYS, help="one way of doing harm, instead of all")
    parser.add_argument("--every", type=float, help="seconds between two acts, instead of 1.5 to 3.5")
    parser.add_argument("--json", type=Path, help="where every figure is written")
    return parser.parse_args()


def _commit() -> str:
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return asked.stdout.strip() or "unknown"


def _say(what: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")


if __name__ == "__main__":
    sys.exit(main())
