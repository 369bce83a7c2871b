"""Starting what is measured: our cluster, and the servers and tools that it is held against."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.cli.up.first_answer import QUESTION
from tests.bench.config import Config
from tests.support.cluster import Cluster
from tests.support.redis_server import free_port
from tests.support.waiting import until

LLAMA_SERVER = "llama-server"
LLAMA_CPP_SERVER = "llama_cpp.server"


@contextmanager
def caravan(config: Config, folder: Path, *, context: int | None = None) -> Iterator[str]:
    """The address of a cluster, as `caravan up` starts it."""
    entry = {
        "path": str(config.model), "slots": config.slots, "context": context or config.context,
        "kv_tokens": config.kv_tokens,
    }  # fmt: skip
    env = {"CARAVAN_THREADS": str(config.threads), "CARAVAN_LOG_LEVEL": "warning"}
    cluster = Cluster(folder, models=json.dumps({"models": {"bench": entry}}), env=env)
    try:
        cluster.process.start()
        until(lambda: _announced(cluster), seconds=120, what="the cluster announces itself")
        yield cluster.url
    finally:
        cluster.stop()


@contextmanager
def llama_server(config: Config, folder: Path) -> Iterator[str]:
    """The address of llama.cpp's own server, with as many slots and as much cache."""
    assert config.llama_bin is not None
    arguments = ["-np", config.slots, "-t", config.threads, "-c", config.kv_tokens]
    with _server(
        [config.llama_bin / "llama-server", "-m", config.model, *arguments], folder / "llama-server.log"
    ) as url:
        yield url


@contextmanager
def llama_cpp_server(config: Config, folder: Path) -> Iterator[str]:
    """The address of llama-cpp-python's server. Told to, it does not cut one stream when the next request comes."""
    assert config.llama_cpp_server is not None
    arguments = [
        "--model", config.model, "--model_alias", "bench", "--n_ctx", config.context, "--n_threads", config.threads,
        "--n_threads_batch", config.threads, "--interrupt_requests", "False",
    ]  # fmt: skip
    argv = [config.llama_cpp_server, "-m", "llama_cpp.server", *arguments]
    with _server(argv, folder / "llama_cpp.server.log") as url:
        yield url


def batched_bench(config: Config, *, prompt_tokens: int, generate: int, figure: str = "speed_tg") -> float:
    """Tokens a second that llama.cpp's own loop decodes in a unified cache, with nothing around it.

    Args:
        figure: `speed_tg` is of what it generates, `speed` of prompts as well.
    """
    assert config.llama_bin is not None
    arguments = [
        "-m", config.model, "-c", config.kv_tokens, "-npp", prompt_tokens, "-ntg", generate, "-npl", config.slots,
        "-kvu", "-fa", "on", "-t", config.threads, "--output-format", "jsonl",
    ]  # fmt: skip
    argv = [str(part) for part in (config.llama_bin / "llama-batched-bench", *arguments)]
    output = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    line = next(line for line in output.splitlines() if line.startswith("{"))
    return float(json.loads(line)[figure])


@contextmanager
def _server(argv: list[object], log: Path) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*map(str, argv), "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=dict(os.environ), stdout=output, stderr=output)
    try:
        until(lambda: _answers(process, url, log), seconds=120, what=f"{argv[0]} answers")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _announced(cluster: Cluster) -> bool:
    """Whether it has answered its first question, with whatever a model of random weights says."""
    output = cluster.process.output()
    assert cluster.process.running, output
    return QUESTION in output or "A first job" in output


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{log.read_text(errors='replace')}")
    try:
        return httpx.get(f"{url}/v1/models", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
