"""What the console's overview costs: of a core for all its viewers, and how long one waits for it.

python -m tests.bench.overview --jobs 10000 --workers 1000
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from app.endpoints.overview.shared import read
from app.factory import create_app
from app.services.services import Services
from tasks.settings import Settings
from tests.support.jobs import completion
from tests.support.redis_server import RedisServer

MODELS = "models:\n" + "".join(f"  m{number}: {{path: fake, slots: 4, context: 512}}\n" for number in range(5))
FIGURES = {"slots": 4, "busy": 4, "tokens_per_second": 100, "job_seconds": 2.5}


def fill(to: Services, *, jobs: int, workers: int) -> None:
    """Have so many jobs wait, and so many workers report themselves, for five models."""
    for number in range(jobs):
        to.ledger.admission.submit(completion(model=f"m{number % 5}"), longest_queue=jobs)
    for number in range(workers):
        to.ledger.workers.report(f"m{number % 5}", f"w{number}", 600, FIGURES)


def timed(task: Callable[[], object], times: int) -> tuple[float, float]:
    """Milliseconds of the process's own time, and of the clock, that one takes."""
    task()
    began, began_here = time.perf_counter(), time.process_time()
    for _ in range(times):
        task()
    return 1000 * (time.process_time() - began_here) / times, 1000 * (time.perf_counter() - began) / times


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.overview")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1000)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder, "models.yaml")
        models.write_text(MODELS)
        server = RedisServer(Path(folder))
        server.start()
        try:
            app = create_app(Settings(models_file=models, redis_url=server.url, max_queue=args.jobs))
            to: Services = app.extensions["caravan"]
            fill(to, jobs=args.jobs, workers=args.workers)
            http = app.test_client()
            print(f"{args.jobs} jobs, {args.workers} workers, 5 models")
            for what, task in (("made, once a second", lambda: read(to)), ("a viewer", lambda: http.get("/overview"))):
                own, clock = timed(task, 200)
                print(f"{what}: {own:.2f} ms of a core, {clock:.2f} ms of the clock")
            to.hub.close()
            to.streams.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
