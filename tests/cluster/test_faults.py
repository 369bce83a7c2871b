"""What a user sees when the cluster fails an upgrade or a pod, and that what runs goes on, in the words of the page."""

from __future__ import annotations

import time

import pytest

from tests.cluster.api import Failed, ready
from tests.cluster.control_plane import ControlPlane
from tests.cluster.faults_page import documented
from tests.cluster.machines import UNPULLABLE
from tests.cluster.release import Release
from tests.cluster.test_live_releases import break_pod
from tests.deploy.chart import Object
from tests.support.waiting import until

MODEL: Object = {"name": "demo", "path": "demo", "slots": 4, "workers": {"min": 1, "max": 5}}
UNPULLED = {"images": {"web": {"repository": UNPULLABLE.rpartition(":")[0], "tag": "missing"}}}
QUICK = ("--timeout", "15s")

pytestmark = pytest.mark.timeout(240)


def running(release: Release, component: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in release.pods(component) if ready(pod)}


def events(release: Release, reason: str) -> str:
    found = release.api.list("events", release.namespace, fieldSelector=f"reason={reason}")
    return "\n".join(each["message"] for each in found.values())


def test_bad_values_change_nothing(release: Release, page: str) -> None:
    release.install()
    before = running(release, "web")
    with pytest.raises(Failed) as caught:
        release.upgrade(values={"web": {"replicas": "three"}})
    documented(page, str(caught.value), "at '/web/replicas': got string, want integer")
    assert running(release, "web") == before
    assert [each["status"] for each in release.history()] == ["deployed"]


def test_an_upgrade_whose_image_is_not_there_leaves_the_old_pods_and_is_rolled_back(
    release: Release, page: str
) -> None:
    release.install(values={"models": [MODEL]})
    before = running(release, "web")
    with pytest.raises(Failed) as caught:
        release.upgrade(values={"models": [MODEL], **UNPULLED}, options=QUICK)
    documented(page, str(caught.value), "UPGRADE FAILED")
    assert before <= running(release, "web")
    listed = release.api.kubectl("--namespace", release.namespace, "get", "pods")
    documented(page, listed, "ImagePullBackOff")
    assert [each["status"] for each in release.history()] == ["deployed", "failed"]
    release.rollback()
    assert running(release, "web") == before


def test_a_quota_that_is_used_up_is_told_by_the_replica_set(release: Release, page: str) -> None:
    release.install(values={"models": [MODEL]})
    pods = str(len(release.objects("pods")))
    metadata = {"name": "pods", "namespace": release.namespace}
    release.api.apply(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": pods}}}
    )
    until(lambda: _quota_known(release), what="the quota is counted")
    release.api.kubectl("--namespace", release.namespace, "scale", "deployment/caravan-worker-demo", "--replicas=2")
    until(lambda: "exceeded quota" in events(release, "FailedCreate"), what="the quota is told")
    documented(page, events(release, "FailedCreate"), "exceeded quota: pods, requested: pods=1")
    assert len(running(release, "worker-demo")) == 1
    release.api.kubectl("--namespace", release.namespace, "delete", "resourcequota", "pods")
    until(lambda: len(running(release, "worker-demo")) == 2, seconds=90, what="the second worker runs")


def _quota_known(release: Release) -> bool:
    return "used" in release.api.get("resourcequotas", release.namespace, "pods").get("status", {})


def test_a_claim_that_stays_pending_keeps_its_pod_pending(release: Release, page: str) -> None:
    with pytest.raises(Failed):
        release.install(values={"redis": {"storage": {"storageClass": "nowhere"}}}, options=QUICK)
    until(lambda: "unbound" in events(release, "FailedScheduling"), what="the scheduler tells it")
    documented(page, events(release, "FailedScheduling"), "pod has unbound immediate PersistentVolumeClaims")
    claim = release.api.get("persistentvolumeclaims", release.namespace, "data-caravan-redis-0")
    assert claim["status"]["phase"] == "Pending"


def test_cards_that_are_not_there_keep_a_worker_pending_though_helm_is_content(release: Release, page: str) -> None:
    """Helm waits for as many pods as a rollout must keep, and of one worker with a card that is none."""
    release.install(values={"models": [{**MODEL, "gpu": {"count": 9}}]}, options=QUICK)
    until(lambda: "nvidia.com/gpu" in events(release, "FailedScheduling"), what="the scheduler tells it")
    documented(page, events(release, "FailedScheduling"), "Insufficient nvidia.com/gpu")
    assert [pod["status"]["phase"] for pod in release.pods("worker-demo")] == ["Pending"]


def test_a_drain_waits_for_a_budget_and_moves_redis_with_its_claim(release: Release, page: str) -> None:
    """The other web pod is not ready, so that this one must stay."""
    release.install(values={"models": [MODEL]})
    (redis,) = release.pods("redis")
    first, second = release.pods("web")
    assert first["spec"]["nodeName"] != second["spec"]["nodeName"]
    node = redis["spec"]["nodeName"]
    stays = first if first["spec"]["nodeName"] == node else second
    until(lambda: _allowed(release, "caravan-web") == 1, what="the budget is counted")
    break_pod(release, second if stays is first else first)
    until(lambda: _allowed(release, "caravan-web") == 0, what="the budget is used up")
    drain = ("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=8s",
             f"--pod-selector=app.kubernetes.io/instance={release.name}")  # fmt: skip
    try:
        with pytest.raises(Failed) as caught:
            release.api.kubectl(*drain)
        documented(page, str(caught.value), "Cannot evict pod as it would violate the pod's disruption budget.")
        assert stays["metadata"]["uid"] in running(release, "web")
        until(lambda: running(release, "redis") - {redis["metadata"]["uid"]}, seconds=60, what="Redis runs elsewhere")
        (moved,) = release.pods("redis")
        assert (moved["metadata"]["name"], moved["spec"]["nodeName"] != node) == ("caravan-redis-0", True)
        assert moved["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-caravan-redis-0"
    finally:
        release.api.kubectl("uncordon", node)


def _allowed(release: Release, name: str) -> int:
    found: int = (
        release.api.get("poddisruptionbudgets", release.namespace, name).get("status", {}).get("disruptionsAllowed", -1)
    )
    return found


def test_while_the_api_server_is_away_an_upgrade_is_refused_and_then_goes_on(
    release: Release, plane: ControlPlane, page: str
) -> None:
    release.install()
    before = running(release, "web")
    plane.stop_api_server()
    try:
        begun = time.monotonic()
        with pytest.raises(Failed) as caught:
            release.upgrade(values={"settings": {"CARAVAN_RESULT_TTL": "60"}})
        documented(page, str(caught.value), "Kubernetes cluster unreachable")
        time.sleep(max(0.0, 30 - (time.monotonic() - begun)))
    finally:
        plane.start_api_server()
    until(lambda: running(release, "web") == before, seconds=90, what="the same pods are ready")
    release.upgrade(values={"settings": {"CARAVAN_RESULT_TTL": "60"}})
    assert len(running(release, "web")) == 2
