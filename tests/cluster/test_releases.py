"""The chart's life with every values file of the repository, by both Helms, on a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.api import Api, ready
from tests.cluster.release import Release
from tests.deploy.chart import CHART, Object
from tests.support.waiting import until

FILES = [CHART / "values.yaml", *sorted(CHART.glob("values-*.yaml")), *sorted(CHART.glob("ci/*.yaml"))]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def values(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def release(api: Api, each_helm: str, namespace: str, tmp_path: Path) -> Release:
    return Release(api, each_helm, namespace, tmp_path)


def test_a_release_is_installed_upgraded_rolled_back_tested_uninstalled_and_installed_again(
    release: Release, values: Path
) -> None:
    said = release.install(values)
    assert "Caravan serves" in said
    assert_all_run(release)
    assert_stored_as_rendered(release)
    first, secrets = settings_of(release), secret_data(release)

    release.upgrade(values, values={"settings": {"CARAVAN_RESULT_TTL": "60"}})
    assert settings_of(release)["CARAVAN_RESULT_TTL"] == "60"
    assert_all_run(release)
    assert_stored_as_rendered(release)
    release.rollback()
    assert settings_of(release) == first
    assert_all_run(release)
    assert "Succeeded" in release.test()
    assert [each["status"] for each in release.history()] == ["superseded", "superseded", "deployed"]
    assert secret_data(release) == secrets

    release.uninstall()
    until(lambda: not release.objects("pods"), what="no pod is left")
    assert kept(release) == {*secrets, *claims_that_stay(release)}
    release.install(values)
    assert secret_data(release) == secrets
    assert_all_run(release)


def missing(release: Release) -> dict[str, Object]:
    """The states of Deployments and StatefulSets that have fewer ready pods than they ask for."""
    kinds = ("deployments", "statefulsets")
    all_of_them = {name: found for kind in kinds for name, found in release.objects(kind).items()}
    return {
        name: found["status"]
        for name, found in all_of_them.items()
        if found["status"].get("readyReplicas", 0) != found["spec"]["replicas"]
    }


def assert_all_run(release: Release) -> None:
    """Every Deployment and StatefulSet has the pods that it asks for, ready; none was refused by the security level.

    Soon, and not at once: Helm 3's ``--wait`` is content while as many are missing as an upgrade may take away.
    """
    until(lambda: not missing(release), seconds=30, what="all pods are ready")
    assert all(map(ready, release.objects("pods").values()))
    warned = release.api.list("events", release.namespace, fieldSelector="reason=FailedCreate")
    assert warned == {}


def assert_stored_as_rendered(release: Release) -> None:
    """All that the chart says of an object is in the API's: nothing is dropped, unknown or changed on the way."""
    manifest = release.do("get", "manifest", release.name)
    rendered = [found for found in yaml.safe_load_all(manifest) if found]
    listed = release.api.kubectl("get", "--namespace", release.namespace, "-f", "-", "--output", "json", text=manifest)
    stored = yaml.safe_load(listed)["items"]
    assert len(stored) == len(rendered)
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in stored}
    for each in rendered:
        assert_within(each, by_name[each["kind"], each["metadata"]["name"]], each["kind"])


def assert_within(small: Any, large: Any, where: str) -> None:
    if isinstance(small, dict):
        for key, value in small.items():
            if value not in ({}, [], None):  # what is empty is as good as left out
                assert key in large, f"{where}.{key}"
                assert_within(value, large[key], f"{where}.{key}")
    elif isinstance(small, list):
        assert len(small) == len(large), where
        for number, (one, other) in enumerate(zip(small, large, strict=True)):
            assert_within(one, other, f"{where}[{number}]")
    else:
        assert str(small) == str(large), where


def settings_of(release: Release) -> dict[str, str]:
    """The variables of the web front that are values."""
    (container,) = release.objects("deployments")[f"{release.name}-web"]["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def secret_data(release: Release) -> dict[str, Object]:
    found = release.objects("secrets")
    return {name: each["data"] for name, each in found.items()}


def kept(release: Release) -> set[str]:
    return {*release.objects("secrets"), *release.api.list("persistentvolumeclaims", release.namespace)}


def claims_that_stay(release: Release) -> set[str]:
    """Of jobs, files and models. Those of Flower's list of tasks may go."""
    claims = release.api.list("persistentvolumeclaims", release.namespace)
    assert not any("deletionTimestamp" in claim["metadata"] for claim in claims.values())
    return {*claims}
