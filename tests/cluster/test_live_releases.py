"""What a release in use keeps through upgrades, and how it is moved and enlarged."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cluster.api import Api, Failed, ready
from tests.cluster.release import Release
from tests.deploy.chart import CHART, HOUSE, Object
from tests.support.waiting import until

MODEL: Object = {"name": "demo", "path": "demo", "slots": 4, "workers": {"min": 1, "max": 5}}
WORKER, WEB, REDIS = "caravan-worker-demo", "caravan-web", "caravan-redis"

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize(
    ("name", "model"),
    [("my.rel", "demo"), ("production", "Qwen2.5-Coder-14B-Instruct"), ("9lives", "a.b"), ("a" * 53, "b" * 64)],
)
def test_odd_names_of_releases_and_models_are_taken(
    api: Api, each_helm: str, namespace: str, tmp_path: Path, name: str, model: str
) -> None:
    release = Release(api, each_helm, namespace, tmp_path, name)
    values = {"models": [{**MODEL, "name": model}]}
    release.install(CHART / "ci/everything-values.yaml", values=values)
    assert len(release.objects("scaledobjects")) == 1
    assert all(map(ready, release.objects("pods").values()))
    release.uninstall()


def test_turning_keda_or_autoscaling_on_keeps_the_pods_that_run(release: Release) -> None:
    release.install(values={"models": [MODEL]})
    for name in (WORKER, WEB):
        release.api.kubectl("--namespace", release.namespace, "scale", "deployment", name, "--replicas=3")
    until(lambda: len(release.pods("worker-demo")) == len(release.pods("web")) == 3, what="three of each")
    values = {"models": [MODEL], "keda": {"enabled": True}, "web": {"autoscaling": {"enabled": True}}}
    release.upgrade(values=values)
    assert (release.replicas(WORKER), release.replicas(WEB)) == (3, 3)
    assert "demo" in release.objects("scaledobjects")[WORKER]["spec"]["triggers"][0]["metadata"]["listName"]
    assert release.objects("horizontalpodautoscalers")[WEB]["spec"]["minReplicas"] == 2
    release.upgrade(values={**values, "settings": {"CARAVAN_RESULT_TTL": "60"}})
    assert (release.replicas(WORKER), release.replicas(WEB)) == (3, 3)


def test_a_model_that_sleeps_has_no_worker_at_first(release: Release) -> None:
    release.install(values={"models": [{**MODEL, "workers": {"min": 0, "max": 5}}], "keda": {"enabled": True}})
    assert release.replicas(WORKER) == 0
    assert release.pods("worker-demo") == []


def test_after_five_upgrades_the_two_web_pods_are_on_two_nodes(release: Release) -> None:
    release.install()
    for number in range(5):
        release.upgrade(values={"settings": {"CARAVAN_RESULT_TTL": str(600 + number)}})
        until(lambda: len(release.pods("web")) == 2, what="the older pods are gone")
        assert len({pod["spec"]["nodeName"] for pod in release.pods("web")}) == 2


def test_the_disk_of_redis_grows_as_it_is_documented(release: Release) -> None:
    """The commands are those of the page, in the release's namespace."""
    release.install()
    (pod,) = release.pods("redis")
    page = (HOUSE / "docs/install.md").read_text()
    block = re.search(r"```\n(kubectl delete statefulset .*?)```", page, flags=re.DOTALL)
    assert block is not None
    delete, patch, upgrade = block.group(1).splitlines()
    _type(release, delete)
    assert release.objects("statefulsets") == {}
    assert [each["metadata"]["uid"] for each in release.pods("redis")] == [pod["metadata"]["uid"]]
    _type(release, patch)
    release.do(*upgrade.replace("deploy/helm", str(CHART)).split()[1:], "--wait", "--timeout", "90s")
    template = release.objects("statefulsets")[REDIS]["spec"]["volumeClaimTemplates"][0]
    claim = release.api.get("persistentvolumeclaims", release.namespace, f"data-{REDIS}-0")
    assert template["spec"]["resources"] == claim["spec"]["resources"] == {"requests": {"storage": "16Gi"}}
    assert [each["metadata"]["uid"] for each in release.pods("redis")] == [pod["metadata"]["uid"]]


def test_without_these_commands_the_api_refuses_a_larger_disk(release: Release) -> None:
    release.install()
    with pytest.raises(Failed, match=r"spec.volumeClaimTemplates: Invalid value"):
        release.upgrade(values={"redis": {"storage": {"size": "16Gi"}}})


def test_a_budget_keeps_one_pod_and_lets_a_broken_one_go(release: Release) -> None:
    release.install(values={"models": [MODEL]})
    first, second = release.pods("web")
    _until_budget_allows(release, WEB, 1)
    break_pod(release, first)
    _until_budget_allows(release, WEB, 0)
    assert evict(release, second) == 429, "the only one that answers"
    assert evict(release, first) == 201, "a broken one"
    until(lambda: len([pod for pod in release.pods("web") if ready(pod)]) == 2, what="two are ready again")
    _until_budget_allows(release, WEB, 1)
    assert evict(release, second) == 201


def break_pod(release: Release, pod: Object) -> None:
    """It is not ready from now on, as when its probe fails."""
    path = f"{release.api.path('pods', release.namespace, pod['metadata']['name'])}/status"
    conditions = [
        {**each, "status": "False"} if each["type"] in ("Ready", "ContainersReady") else each
        for each in pod["status"]["conditions"]
    ]
    release.api.send("PATCH", path, {"status": {"conditions": conditions}}).raise_for_status()


def evict(release: Release, pod: Object) -> int:
    name = pod["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": release.namespace}}
    return release.api.send("POST", f"{release.api.path('pods', release.namespace, name)}/eviction", body).status_code


def _until_budget_allows(release: Release, name: str, count: int) -> None:
    def allowed() -> bool:
        status = release.api.get("poddisruptionbudgets", release.namespace, name).get("status", {})
        return bool(status.get("disruptionsAllowed") == count and status.get("expectedPods"))

    until(allowed, what=f"the budget allows {count}")


def _type(release: Release, command: str) -> None:
    """A line of kubectl's as a shell splits it."""
    program, *arguments = shlex.split(command)
    assert program == "kubectl"
    release.api.kubectl("--namespace", release.namespace, *arguments)
