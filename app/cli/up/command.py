"""``caravan up``: the whole cluster on one machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import TextIO

import click

from app.cli.models_option import models_option
from app.cli.up.address import announced
from app.cli.up.admin_key import FILE, FLOWER_FILE, admin_key, flower_password
from app.cli.up.cluster_watch import Watch
from app.cli.up.display import Display, display
from app.cli.up.gpus import Gpus
from app.cli.up.log_tail import LogTail
from app.cli.up.own_redis import SIZE, OwnRedis, own_redis, port_here, refuse_unusable
from app.cli.up.private_files import mend, private_umask
from app.cli.up.programs import Cluster
from app.cli.up.reload import FILE as ACCEPTED
from app.cli.up.reload import Hangup, Reload, accept_first
from app.cli.up.scaling.opened import scaling
from app.cli.up.start import Start
from app.cli.up.supervisor import POLL_SECONDS, Supervisor
from app.cli.web.exposure import insecure_option, refuse_exposure
from app.cli.web.ports import PORT, refuse_same, refuse_taken
from tasks import logs
from tasks.environment import read_settings, require_readable, require_writable
from tasks.models.accepted import accept
from tasks.models.catalogue import Catalogue, CatalogueError
from tasks.settings import Settings
from tasks.traces.switch import require_traces

DRAIN_SECONDS = 5.0
"""Less than a worker's own default: whoever presses Ctrl-C waits, and what is unfinished goes on at the next start."""
START_SECONDS = 60.0


class _Stopped(Exception):
    """Raised in the main thread by Ctrl-C and SIGTERM."""


@click.command("up")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address of the web front.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="The port of the web front.")
@click.option("--flower-port", type=PORT, default=5555, show_default=True, help="The port of Flower, on loopback.")
@models_option
@click.option("--redis-url", help="The Redis to use; if left out, the cluster starts its own.")
@click.option(
    "--redis-memory",
    type=SIZE,
    help="The memory at which the cluster's own Redis refuses jobs, such as 4gb; half of the machine's if left out.",
)
@click.option("--data", type=click.Path(path_type=Path), default=Path(".caravan"), show_default=True,
              help="The folder for the file of the cluster's own Redis, logs and uploads.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show the programs' whole logs, not only their errors.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors and deaths; ask no first question.")
@click.option("--log-file", type=click.Path(dir_okay=False, path_type=Path),
              help="A file to which all that is said is appended, with the time.")  # fmt: skip
@click.option("--no-flower", is_flag=True, help="Run no Flower.")
@insecure_option
def command(host: str, port: int, flower_port: int, models: Path | None, redis_url: str | None,
            redis_memory: str | None, data: Path, verbose: bool, quiet: bool, log_file: Path | None, no_flower: bool,
            insecure: bool) -> None:  # fmt: skip
    """Run the whole cluster on this machine.

    It starts Redis, the web front, workers of the models, the clerk and Flower, and restarts a program that dies.
    Ctrl-C or SIGTERM stops the cluster; unfinished jobs continue at the next start. The logs are under DATA/logs.
    """
    if verbose and quiet:
        raise click.UsageError("--verbose and --quiet exclude each other.")
    with private_umask(), _opened(log_file) as file:
        _run(host=host, port=port, flower_port=None if no_flower else flower_port, models=models, redis_url=redis_url,
             redis_memory=redis_memory, data=data, insecure=insecure, verbose=verbose, quiet=quiet,
             log_file=file)  # fmt: skip


def _run(*, host: str, port: int, flower_port: int | None, models: Path | None, redis_url: str | None,
         redis_memory: str | None, data: Path, insecure: bool, verbose: bool, quiet: bool,
         log_file: TextIO | None) -> None:  # fmt: skip
    settings = read_settings()
    logs.configure(settings, "up")
    refuse_exposure(host, keys=settings.keys, insecure=insecure)
    ports = {"--port": port, **({"--flower-port": flower_port} if flower_port else {})}
    refuse_same({**ports, **({"--redis-url": own} if (own := port_here(redis_url)) else {})})
    require_writable(settings, "files_dir")
    require_traces()
    if models is None:
        require_readable(settings, "models_file")
    catalogue = _catalogue(models or settings.models_file)
    if redis_url is not None:
        refuse_unusable(redis_url, settings)
    refuse_taken(host, port, make=True)
    if flower_port:
        refuse_taken("127.0.0.1", flower_port, option="--flower-port", make=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    hangup = Hangup(_stop)
    drain_seconds = settings.drain_seconds if "drain_seconds" in settings.model_fields_set else DRAIN_SECONDS
    shown = display(verbose=verbose, quiet=quiet, log_file=log_file)
    tail = LogTail(data / "logs", shown.tell, verbose=verbose)
    supervisor = Supervisor(shown.tell)
    server: OwnRedis | None = None
    try:
        with _writable(data):
            copy = data.resolve() / ACCEPTED
            accept_first(catalogue, copy)
            key, password = admin_key(settings, data), flower_password(settings, data) if flower_port else ""
            server = None if redis_url else own_redis(data, log=tail.open("redis"), memory=redis_memory)
        env = _environment(
            settings, host=host, port=port, models=models, copy=copy, data=data, drain_seconds=drain_seconds
        )
        if key:
            env["CARAVAN_ADMIN_KEY"] = key
        if password:
            env["CARAVAN_FLOWER_PASSWORD"] = password
        cluster = Cluster(
            catalogue=catalogue,
            host=host,
            port=port,
            flower_port=flower_port,
            scales=catalogue.scales,
            gpus=Gpus(settings.gpus.split(",") if settings.gpus else (), layers=settings.gpu_layers),
            key=key,
            key_file=data / FILE if key and settings.admin_key is None else None,
            password_file=data / FLOWER_FILE if password and settings.flower_password is None else None,
        )
        shown.show(cluster.parts())
        if redis_url:
            env["CARAVAN_REDIS_URL"] = redis_url
        elif server:
            env |= _start_redis(server, supervisor, tail)
        with announced(data, cluster.api):
            reload = partial(Reload, models or settings.models_file, copy, hangup=hangup)
            _serve(cluster, env, settings, supervisor=supervisor, tail=tail, shown=shown, asks=not quiet, reload=reload)
    except _Stopped:
        shown.end()
        if not quiet:
            shown.tell("Stopping ...")
    finally:
        shown.end()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop(drain_seconds)
        if server is not None:
            server.close()
        tail.tend()


def _environment(
    settings: Settings, *, host: str, port: int, models: Path | None, copy: Path, data: Path, drain_seconds: float
) -> dict[str, str]:
    """What the programs are told, beside secrets and where Redis is."""
    env = {
        "CARAVAN_HOST": host,
        "CARAVAN_PORT": str(port),
        "CARAVAN_DRAIN_SECONDS": str(drain_seconds),
        "CARAVAN_LOG_FORMAT": "json",
        "CARAVAN_MODELS_ACCEPTED": str(copy),
        "PYTHONSAFEPATH": "1",  # what lies in the working folder is none of our programs' business
    }
    if models:
        env["CARAVAN_MODELS_FILE"] = str(models.resolve())
    if "files_dir" not in settings.model_fields_set:
        env["CARAVAN_FILES_DIR"] = str((data / "files").resolve())
    return env


def _start_redis(server: OwnRedis, supervisor: Supervisor, tail: LogTail) -> dict[str, str]:
    """What its users are told."""
    supervisor.start(server.program)
    deadline = time.monotonic() + START_SECONDS
    while not server.answers():
        _tend(supervisor, tail)
        if time.monotonic() > deadline:
            raise click.ClickException(f"Redis did not start; read {tail.path('redis')}.")
    broker_url = Settings(redis_url=server.url, broker_url=None).celery_broker_url
    return {"CARAVAN_REDIS_URL": server.url, "CARAVAN_BROKER_URL": broker_url}


def _serve(
    cluster: Cluster, env: Mapping[str, str], settings: Settings, *, supervisor: Supervisor, tail: LogTail,
    shown: Display, asks: bool, reload: Callable[..., Reload],
) -> None:  # fmt: skip
    """Until told to stop."""
    for program in cluster.programs(env, tail.open):
        supervisor.start(program)
    deadline = time.monotonic() + START_SECONDS
    with (
        closing(Watch(api=cluster.api, key=cluster.key, flower=f"{cluster.flower}/healthcheck")) as watch,
        scaling(cluster, env, settings, supervisor=supervisor, log=tail.open, note=shown.note) as scaler,
    ):
        models = reload(follow=scaler.reload, tell=shown.note)
        start = Start(cluster, supervisor=supervisor, watch=watch, display=shown, asks=asks)
        while True:
            _tend(supervisor, tail)
            models.tend()
            scaler.tend()
            start.look()
            if start.web_ready_at is None and time.monotonic() > deadline:
                raise click.ClickException(f"The web front did not start; read {tail.path('web')}.")


def _tend(supervisor: Supervisor, tail: LogTail) -> None:
    supervisor.tend()
    tail.tend()
    time.sleep(POLL_SECONDS)


def _catalogue(models: Path | None) -> Catalogue:
    try:
        return accept(models).models
    except CatalogueError as exc:
        raise click.ClickException(str(exc)) from exc


@contextmanager
def _writable(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=data):
            pass
        mend(data)
        yield
    except OSError as exc:
        reason = f"{exc.filename or data}: {exc.strerror}"
        raise click.BadParameter(f"'{data}' cannot be used ({reason}).", param_hint="--data") from exc


@contextmanager
def _opened(log_file: Path | None) -> Iterator[TextIO | None]:
    if log_file is None:
        yield None
        return
    try:
        file = log_file.open("a", encoding="utf-8")
    except OSError as exc:
        raise click.BadParameter(f"'{log_file}' cannot be written ({exc.strerror}).", param_hint="--log-file") from exc
    with file:
        yield file


def _stop(_number: int = 0, _frame: FrameType | None = None) -> None:
    raise _Stopped
