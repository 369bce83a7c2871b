"""The whole cluster over a Redis that speaks TLS alone, with a certificate of an authority of one's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.support import sse
from tests.support.cluster import Cluster, chat
from tests.support.redis_server import free_port
from tests.support.sentinels import Group
from tests.support.waiting import until

SERVER = shutil.which("redis-server")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """A folder with `ca.crt`, and a server's `r.crt` and `r.key` for loopback."""
    if SERVER is None or shutil.which("openssl") is None:
        pytest.skip("needs a redis-server with TLS, and openssl: apt-get install redis-server openssl")
    days = ("-days", "2")
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", *days,
            "-subj", "/CN=authority")  # fmt: skip
    openssl(tmp_path, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "r.key", "-out", "r.csr", "-subj", "/CN=redis")
    (tmp_path / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl(tmp_path, "x509", "-req", "-in", "r.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "r.crt", *days, "-extfile", "names")  # fmt: skip
    return tmp_path


@pytest.fixture
def tls_url(certified: Path) -> Iterator[str]:
    assert SERVER
    tmp_path, port = certified, free_port()
    arguments = ["--port", "0", "--tls-port", str(port), "--tls-cert-file", "r.crt", "--tls-key-file", "r.key"]
    arguments += ["--tls-ca-cert-file", "ca.crt", "--tls-auth-clients", "no", "--requirepass", "secret", "--save", ""]
    with (tmp_path / "redis.log").open("wb") as log:
        process = subprocess.Popen([SERVER, *arguments], cwd=tmp_path, stdout=log, stderr=log)
    until(lambda: "Ready to accept" in (tmp_path / "redis.log").read_text(), what="redis is ready")
    yield f"rediss://:secret@localhost:{port}/0?ssl_ca_certs={tmp_path / 'ca.crt'}"
    process.terminate()
    process.wait(10)


@pytest.fixture
def group(certified: Path) -> Iterator[Group]:
    running = Group(
        certified / "group", replicas=1, sentinels=1, password="secret", sentinel_password="own", tls=certified
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_jobs_streams_and_flower_work_over_tls(tls_url: str, tmp_path: Path) -> None:
    assert_works(tls_url, tmp_path)


def test_sentinels_and_servers_are_asked_over_tls(group: Group, tmp_path: Path) -> None:
    assert_works(group.url, tmp_path, env={"CARAVAN_SENTINEL_PASSWORD": "own"})


def assert_works(url: str, tmp_path: Path, *, env: Mapping[str, str] = MappingProxyType({})) -> None:
    cluster = Cluster(tmp_path, options=["--redis-url", url], env={"CARAVAN_THREADS": "1", **env})
    cluster.start()
    try:
        job = cluster.submit(chat("What is the capital of France?"))
        assert sse.text(list(sse.read(cluster.http, job["id"]))) == "The capital of France is Paris."
        assert cluster.job(job["id"], wait=10)["status"] == "succeeded"
    finally:
        cluster.stop()
