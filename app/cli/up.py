"""``caravan up``: the whole cluster on one machine."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from urllib.parse import urlsplit

import click
import httpx

from app.cli.admin_key import FILE, admin_key
from app.cli.exposure import insecure_option, refuse_exposure
from app.cli.own_redis import PORT as REDIS_PORT
from app.cli.own_redis import own_redis, refuse_absent
from app.cli.ports import PORT, netloc, refuse_same, refuse_taken
from app.cli.supervisor import POLL_SECONDS, Program, Supervisor
from tasks import logs
from tasks.environment import read_settings, require_writable
from tasks.jobs import Operation
from tasks.models.catalogue import Catalogue, CatalogueError, has_file, load
from tasks.settings import Settings
from tasks.urls import is_loopback

FIRST_QUESTION = "What is the capital of France?"
DRAIN_SECONDS = 5.0
"""Less than a worker's own default: whoever presses Ctrl-C waits, and what is unfinished goes on at the next start."""
FIRST_ANSWER_SECONDS = 75.0
START_SECONDS = 60.0


class _Stopped(Exception):
    """Raised in the main thread by Ctrl-C and SIGTERM."""


@click.command("up")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address of the web front.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="The port of the web front.")
@click.option("--flower-port", type=PORT, default=5555, show_default=True, help="The port of Flower, on loopback.")
@click.option(
    "--models", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The catalogue (models.yaml)."
)
@click.option("--redis-url", help="A Redis to use; without it the cluster starts its own.")
@click.option("--data", type=click.Path(path_type=Path), default=Path(".caravan"), show_default=True,
              help="Where the cluster's own Redis keeps its file.")  # fmt: skip
@insecure_option
def command(
    host: str, port: int, flower_port: int, models: Path | None, redis_url: str | None, data: Path, insecure: bool
) -> None:
    """Run the whole cluster on this machine.

    Redis, the web front, a worker a model, the clerk and Flower. What dies is started again. Ctrl-C or SIGTERM stops
    all; jobs that have not ended go on at the next start.
    """
    settings = read_settings()
    logs.configure(settings)
    refuse_exposure(host, keys=settings.keys, insecure=insecure)
    ports = {"--port": port, "--flower-port": flower_port}
    refuse_same({**ports, **({"--redis-url": own} if (own := _port_here(redis_url)) else {})})
    if redis_url:
        refuse_absent(redis_url)
    require_writable(settings, "files_dir")
    catalogue = _catalogue(models or settings.models_file)
    for address, taken in ((host, port), ("127.0.0.1", flower_port)):
        refuse_taken(address, taken)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    supervisor = Supervisor()
    drain_seconds = settings.drain_seconds if "drain_seconds" in settings.model_fields_set else DRAIN_SECONDS
    try:
        env = {
            "CARAVAN_HOST": host,
            "CARAVAN_PORT": str(port),
            "CARAVAN_DRAIN_SECONDS": str(drain_seconds),
            "PYTHONSAFEPATH": "1",  # what lies in the working folder is none of our programs' business
        }
        with _writable(data):
            if key := admin_key(settings, data):
                env["CARAVAN_ADMIN_KEY"] = key
            server = None if redis_url else own_redis(data, avoid=ports.values())
        if models:
            env["CARAVAN_MODELS_FILE"] = str(models.resolve())
        if "files_dir" not in settings.model_fields_set:
            env["CARAVAN_FILES_DIR"] = str((data / "files").resolve())
        if redis_url:
            env["CARAVAN_REDIS_URL"] = redis_url
        elif server:
            supervisor.start(server.program)
            _until(server.answers, supervisor, "Redis did not start; the log above says why.")
            env["CARAVAN_BROKER_URL"] = Settings(redis_url=server.url, broker_url=None).celery_broker_url
            env["CARAVAN_REDIS_URL"] = server.url
        if settings.keys and settings.admin_key is None:
            click.echo(f"API keys are asked for. {data / FILE} has an admin's.", err=True)
        _serve(supervisor, env, catalogue, api=f"http://{netloc(host, port)}", flower_port=flower_port)
    except _Stopped:
        click.echo("Stopping ...", err=True)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop(drain_seconds)


def programs(env: Mapping[str, str], catalogue: Catalogue, *, flower_port: int) -> list[Program]:
    """Everything but Redis, in the order of its start."""
    python = [sys.executable, "-P", "-m"]
    caravan = [*python, "app.cli"]
    workers = [
        Program(name=name, argv=[*python, "tasks.worker", model, "--name", name], env=env, rank=1)
        for model, entry in catalogue.items()
        for name in (f"{model}-{number}" for number in range(1, max(1, entry.workers.min) + 1))
    ]
    return [
        *workers,
        # Whether the address may be bound was asked before.
        Program(name="web", argv=[*caravan, "web", "--insecure"], env=env, rank=2),
        Program(name="clerk", argv=[*caravan, "clerk"], env=env, rank=1),
        Program(name="flower", argv=[*caravan, "flower", "--port", str(flower_port)], env=env, rank=1),
    ]


def _serve(supervisor: Supervisor, env: Mapping[str, str], catalogue: Catalogue, *, api: str, flower_port: int) -> None:
    for program in programs(env, catalogue, flower_port=flower_port):
        supervisor.start(program)
    _until(lambda: _ready(api), supervisor, "The web front did not start; the log above says why.")
    _announce(api, catalogue, flower_port, key=env.get("CARAVAN_ADMIN_KEY", ""))
    while True:
        supervisor.tend()
        time.sleep(POLL_SECONDS)


def _announce(api: str, catalogue: Catalogue, flower_port: int, *, key: str) -> None:
    """The first answer, so that whoever started this sees that it works, and where to go on."""
    talkative = [name for name, entry in catalogue.items() if Operation.CHAT in entry.operations]
    model = "demo" if "demo" in talkative else next(iter(talkative), "")
    body = {"model": model, "messages": [{"role": "user", "content": FIRST_QUESTION}], "max_tokens": 64}
    click.echo("Caravan is up.\n")
    click.echo(f"  API     {api}\n  Flower  http://127.0.0.1:{flower_port}\n")
    if not model:
        return
    try:
        headers = {"Prefer": "wait=30", **({"Authorization": f"Bearer {key}"} if key else {})}
        job = httpx.post(
            f"{api}/jobs", json=body, headers=headers, timeout=FIRST_ANSWER_SECONDS, trust_env=False
        ).json()
        if job.get("status") == "succeeded":
            click.echo(f"  {FIRST_QUESTION}\n  {job['result']['choices'][0]['message']['content']}\n")
        else:
            click.echo(f"  A first job is {job.get('status', 'refused')}; caravan jobs list tells how it goes on.\n")
    except httpx.HTTPError as exc:
        click.echo(f"  A first job was not answered yet ({exc}).\n")


def _catalogue(models: Path | None) -> Catalogue:
    try:
        catalogue = load(models)
    except CatalogueError as exc:
        raise click.ClickException(str(exc)) from exc
    if missing := [f"{name} ({entry.path})" for name, entry in catalogue.items() if not has_file(entry)]:
        raise click.ClickException(f"There is no file for {', '.join(missing)}.")
    return catalogue


def _port_here(redis_url: str | None) -> int | None:
    """The port of a Redis on this machine."""
    parts = urlsplit(redis_url or "")
    return (parts.port or REDIS_PORT) if redis_url and is_loopback(parts.hostname or "localhost") else None


@contextmanager
def _writable(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=data):
            pass
        yield
    except OSError as exc:
        reason = f"{exc.filename or data}: {exc.strerror}"
        raise click.BadParameter(
            f"'{data}' cannot be used ({reason}). Give another folder.", param_hint="--data"
        ) from exc


def _ready(api: str) -> bool:
    try:
        return httpx.get(f"{api}/readyz", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _until(condition: Callable[[], bool], supervisor: Supervisor, failure: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        supervisor.tend()
        if time.monotonic() > deadline:
            raise click.ClickException(failure)
        time.sleep(POLL_SECONDS)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped
