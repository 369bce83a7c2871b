"""A long bulk run, undisturbed and disturbed: ``python -m tests.fault.long_bulk --rows 100000``.

It prints rows a second, and the memory of the command, web, worker and Redis at a tenth of the rows and at their end;
then it makes the same output once more while the command, a worker, the web front and Redis are killed twice each.
Exits with 1 if the two outputs differ, and keeps the folder.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis

from tests.fault.test_bulk import MODELS
from tests.support.bulk import PROMPT, BulkCommand, reviews
from tests.support.cluster import Cluster
from tests.support.harry import VICTIMS, disturbed, pids, resident_bytes, spread

MIB = 1 << 20
LOOK_SECONDS = 0.5


def main() -> int:
    """Run as asked; 1 if the outputs differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2, help="how often each is killed")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="caravan-bulk-"))
    say(f"logs: {folder}")
    cluster = Cluster(folder, models=MODELS, env={"CARAVAN_THREADS": "1", "CARAVAN_LOG_LEVEL": "warning"})
    cluster.start()
    try:
        source = reviews(folder / "reviews.csv", options.rows)
        calm = BulkCommand(cluster, source, folder / "calm.parquet", *PROMPT, "--no-dedup")
        seconds, memory = undisturbed(calm, cluster, options.rows)
        say(f"undisturbed: {options.rows / seconds:.1f} rows/s")
        for name, (early, late) in memory.items():
            say(f"{name}: {early / MIB:.1f} MiB at a tenth, {late / MIB:.1f} MiB at the end, {late / early - 1:+.1%}")
        harried = BulkCommand(cluster, source, folder / "harried.parquet", *PROMPT, "--no-dedup")
        begin = time.monotonic()
        vain = disturbed(harried, cluster, spread(options.rows, VICTIMS * options.rounds), told=say)
        same = calm.output.read_bytes() == harried.output.read_bytes()
        say(f"disturbed: {time.monotonic() - begin:.0f} s instead of {seconds:.0f}; "
            f"{'the same bytes' if same else 'ANOTHER OUTPUT'}; not killed: {vain or 'none'}")  # fmt: skip
    finally:
        cluster.stop()
    if options.json:
        figures = {"rows": options.rows, "seconds": seconds, "memory": memory, "same": same, "not_killed": vain}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if not same:
        return 1
    shutil.rmtree(folder)
    return 0


def undisturbed(command: BulkCommand, cluster: Cluster, rows: int) -> tuple[float, dict[str, tuple[int, int]]]:
    """Seconds, and what is resident at a tenth of the rows and at the last of them, by part.

    Making the output at the end takes some 16 MiB more, however many rows there are: that is a part of its own.
    """
    process, begin = command.start(), time.monotonic()
    early: dict[str, int] = {}
    late: dict[str, int] = {}
    num_done = 0
    while process.poll() is None:
        num_done = max(num_done, command.num_done())  # its folder goes before it ends
        if num_done < rows:
            late = memory(cluster, process)
            early = early or (late if num_done >= rows // 10 else {})
        elif process.poll() is None:
            late["command, making the output"] = resident_bytes(process.pid) or late["command"]
        time.sleep(LOOK_SECONDS)
    early["command, making the output"] = early["command"]
    assert process.returncode == 0, command.log.read_text()
    return time.monotonic() - begin, {name: (early[name], late[name]) for name in early if late.get(name)}


def memory(cluster: Cluster, process: subprocess.Popen[bytes]) -> dict[str, int]:
    """Resident bytes, by part; of Redis what it says that its data takes, as well."""
    found = {part: sum(map(resident_bytes, pids(cluster, part))) for part in ("worker", "web", "redis")}
    found["command"] = resident_bytes(process.pid)
    with redis_of(cluster) as client:
        found["redis data"] = int(client.info("memory")["used_memory"])
    return found


def redis_of(cluster: Cluster) -> redis.Redis:
    """The cluster's own."""
    return redis.Redis.from_url(cluster.redis_url())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
