"""One control plane for all tests, and a namespace of the pod security level `restricted` for each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import yaml

from tests.cluster import faults_page, machines
from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.other_kinds import PROMETHEUS
from tests.cluster.release import Release
from tests.cluster.tools import Tools
from tests.cluster.versions import KEDA
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

NUMBERS = count(1)


def require(there: bool, reason: str) -> None:
    """Skips a developer's test, and fails one of the CI's."""
    if not there and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if not there:
        pytest.skip(reason)


def require_built(tools: Tools, *modules: str) -> None:
    missing = tools.missing(*modules)
    require(not missing, f"not built: {', '.join(missing)}: python -m tests.cluster.tools needs a Go")


@pytest.fixture(scope="session")
def tools() -> Tools:
    found = Tools()
    require_built(found, "kubernetes", "etcd")
    for program in ("openssl", "setpriv"):
        require(shutil.which(program) is not None, f"there is no {program}: apt-get install openssl util-linux")
    return found


@pytest.fixture(scope="session")
def plane(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    found = ControlPlane(tmp_path_factory.mktemp("plane"), tools)
    try:
        found.start()
        machines.start(found)
        crds = (tools.folder / f"keda-crds-{KEDA}").glob("*.yaml")
        found.api.apply(*PROMETHEUS, *(yaml.safe_load(file.read_text()) for file in crds))
        yield found
    finally:
        found.stop()


@pytest.fixture
def api(plane: ControlPlane) -> Api:
    return plane.api


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    name = f"test-{next(NUMBERS)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    until(lambda: "default" in api.list("serviceaccounts", name), seconds=90, what="the namespace has its account")
    yield name
    api.send("DELETE", api.path("namespaces", "", name))


@pytest.fixture(params=[3, 4], ids=["helm3", "helm4"])
def each_helm(request: pytest.FixtureRequest, tools: Tools) -> str:
    if request.param == 4:
        require_built(tools, "helm4")
    return tools.helm(request.param)


@pytest.fixture
def release(api: Api, tools: Tools, namespace: str, tmp_path: Path) -> Release:
    """By Helm 3, where it does not matter by which."""
    return Release(api, tools.helm(3), namespace, tmp_path)


@pytest.fixture(scope="session")
def page() -> str:
    return faults_page.read()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Beside the cluster, for real workers."""
    found = RedisServer(tmp_path / "redis", password="of-the-tests")
    found.start()
    yield found
    found.stop()
