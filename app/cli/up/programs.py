"""What a cluster on one machine is made of."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.up.gpus import Gpus
from app.cli.up.log_files import LogFile
from app.cli.up.parts import Part
from app.cli.up.secrets_of_programs import withheld_from
from app.cli.up.supervisor import Program
from app.cli.web.ports import netloc
from tasks.models.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What runs, and where. `key_file` and `password_file` hold the key and Flower's if the cluster has made them."""

    catalogue: Catalogue
    host: str
    port: int
    flower_port: int | None
    """None without Flower."""
    scales: bool = False
    """Whether workers come and go by demand."""
    gpus: Gpus = field(default_factory=Gpus)
    key: str = ""
    key_file: Path | None = None
    password_file: Path | None = None

    @property
    def api(self) -> str:
        return f"http://{netloc(self.host, self.port)}"

    @property
    def flower(self) -> str:
        """Its address; '' without Flower."""
        if self.flower_port is None:
            return ""
        prefix = os.environ.get("FLOWER_URL_PREFIX", "").strip("/")
        return f"http://127.0.0.1:{self.flower_port}{prefix and '/'}{prefix}"

    @property
    def workers(self) -> dict[str, str]:
        """The models by the names of their first workers. One that begins asleep has one that is not started yet."""
        return {
            f"{model}-{number}": model
            for model, entry in self.catalogue.items()
            for number in range(1, max(1, entry.workers.min) + 1)
        }

    def worker(self, name: str, model: str, env: Mapping[str, str], log: Callable[[str], LogFile]) -> Program:
        """A worker of a model."""
        told = {**env, **self.gpus.environment(name, self.catalogue.get(model))}
        return _program(name, "worker", ["tasks.worker", model, "--name", name], told, log)

    def programs(self, env: Mapping[str, str], log: Callable[[str], LogFile]) -> list[Program]:
        """All but Redis, in the order of their start; without workers that come and go."""
        workers = {} if self.scales else self.workers
        # Whether the address may be bound was asked before.
        commands = {"web": ["app.cli", "web", "--insecure"], "clerk": ["app.cli", "clerk"]}
        if self.flower_port is not None:
            commands["flower"] = ["app.cli", "flower", "--port", str(self.flower_port)]
        return [
            *(self.worker(name, model, env, log) for name, model in workers.items()),
            *(_program(name, name, command, env, log) for name, command in commands.items()),
        ]

    def parts(self) -> list[Part]:
        """The same, as they are shown, and Redis."""
        return [
            Part("redis", "the queue"),
            Part("web", "the API"),
            *(
                Part(name, f"model {model}", "starting" if self.catalogue[model].workers.min else "asleep", model=model)
                for name, model in self.workers.items()
            ),
            Part("clerk", "webhooks, batches, recovery"),
            *([Part("flower", "workers and tasks")] if self.flower else []),
        ]

    def addresses(self) -> list[str]:
        """What is told when the cluster can be used."""
        key = f"   with the key in {self.key_file}" if self.key_file else ""
        password = f"   as admin, with the password in {self.password_file}" if self.password_file else ""
        return [
            "",
            "Caravan is up.",
            f"  API     {self.api}{key}",
            f"  Docs    {self.api}/docs",
            *([f"  Flower  {self.flower}{password}"] if self.flower else []),
            "",
        ]


def _program(
    name: str, kind: str, command: list[str], env: Mapping[str, str], log: Callable[[str], LogFile]
) -> Program:
    return Program(
        name=name,
        argv=[sys.executable, "-P", "-m", *command],
        env=env,
        withheld=withheld_from(kind),
        rank=2 if name == "web" else 1,
        log=log(name),
    )
