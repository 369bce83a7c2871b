"""The cluster of docker-compose.yml on the engine of this machine, under a name and a port of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.redis_server import free_port
from tests.support.waiting import until

FILE = Path(__file__).parents[3] / "deploy" / "docker-compose.yml"
SERVICES = ("redis", "web", "worker-demo", "clerk", "flower")
PASSED = ("WEB_IMAGE", "WORKER_IMAGE", "REDIS_IMAGE", "BASE_IMAGE", "BUILD_IMAGE")


def compose_command() -> list[str]:
    """Compose v2, or else the older docker-compose; the test is skipped without either, or without an engine."""
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        return ["docker", "compose"]
    if found := shutil.which("docker-compose"):
        return [found]
    pytest.skip("neither docker compose nor docker-compose is there")


class Compose:
    """Starts with `up`; `down` removes its containers and volumes."""

    def __init__(self, folder: Path) -> None:
        self.port, self.key, self.password = free_port(), secrets.token_hex(20), secrets.token_hex(20)
        self.flower_password, self.metrics_key = secrets.token_hex(20), secrets.token_hex(20)
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=60)
        env = folder / ".env"
        lines = {"REDIS_PASSWORD": self.password, "CARAVAN_ADMIN_KEY": self.key, "CARAVAN_PORT": str(self.port)}
        lines |= {"CARAVAN_FLOWER_PASSWORD": self.flower_password, "CARAVAN_METRICS_KEY": self.metrics_key}
        lines |= {"GRAFANA_PASSWORD": secrets.token_hex(20)}
        lines |= {"CARAVAN_THREADS": "1", "CARAVAN_DRAIN_SECONDS": "3"}
        lines |= {name: os.environ[name] for name in PASSED if name in os.environ}
        env.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        project = f"caravan-test-{secrets.token_hex(3)}"
        self._command = [*compose_command(), "-p", project, "-f", str(FILE), "--env-file", str(env)]

    def run(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> None:
        self.run("up", "--detach", "--no-build")
        for service in SERVICES:
            self.await_health(service)

    def down(self) -> None:
        self.http.close()
        self.run("down", "--volumes", "--timeout", "5")

    def container(self, service: str) -> str:
        return self.run("ps", "-q", service).split()[0]

    def inspect(self, service: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(docker("inspect", self.container(service)))
        return found[0]

    def await_health(self, service: str) -> None:
        def healthy() -> bool:
            state = self.inspect(service)["State"]
            return bool(state["Running"]) and state["Health"]["Status"] == "healthy"

        until(healthy, seconds=120, what=f"{service} is healthy")

    def inside(self, service: str, script: str) -> str:
        """What a shell in a container prints."""
        return docker("exec", self.container(service), "sh", "-c", script)

    def logs(self, service: str) -> str:
        return docker("logs", self.container(service))


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
