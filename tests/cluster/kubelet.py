"""Stands in for the kubelets of some nodes: a pod is a real process of ours, with the pod's rendered environment.

A pod's container is started when the pod is bound to one of the nodes, is ready when its startup probe succeeds, and is
told to stop, with the pod's grace, when the pod is deleted. A node that goes away kills its processes and says nothing
any more. A process that ends by itself is not started again.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.cluster.api import Api, ready
from tests.deploy.chart import Object
from tests.deploy.processes import Cluster, Container

LOOK_SECONDS = 0.5
BEAT_SECONDS = 2.0


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class RunningPod:
    """One pod's process, and a thread that tells the API of it."""

    def __init__(self, api: Api, pod: Object, container: Container) -> None:
        self.name, self.namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        self._api, self._container, self._ready = api, container, False
        self.deleted, self._gone = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """As a machine's end does it."""
        self._gone.set()
        self.deleted.set()
        self._container.kill()
        self._thread.join(30)

    def output(self) -> str:
        return self._container.output()

    def look(self, pod: Object) -> None:
        """Tell again that it is ready, where the cluster took it for lost with its node."""
        if self._ready and not ready(pod):
            self._tell(ready=True)

    def _live(self) -> None:
        self._container.start()
        self._tell(ready=False)
        probe = self._container.spec["startupProbe"]
        while not self.deleted.wait(probe["periodSeconds"] / 5) and not self._gone.is_set():
            if self._has_started():
                self._tell(ready=True)
                self._ready = True
                self.deleted.wait()
        if not self._gone.is_set():
            with suppress(subprocess.TimeoutExpired):  # its grace is over
                self._container.stop()
            self._container.kill()
            self._send("DELETE", self._path(), {"gracePeriodSeconds": 0})

    def _has_started(self) -> bool:
        """A probe that takes too long has failed."""
        try:
            return self._container.probe("startupProbe")
        except subprocess.TimeoutExpired:
            return False

    def _tell(self, *, ready: bool) -> None:
        conditions = [
            {"type": kind, "status": str(ready or kind == "Initialized"), "lastTransitionTime": now()}
            for kind in ("Initialized", "ContainersReady", "Ready")
        ]
        spec = self._container.spec
        container = {
            "name": spec["name"],
            "image": spec["image"],
            "imageID": spec["image"],
            "ready": ready,
            "started": ready,
            "restartCount": 0,
            "state": {"running": {"startedAt": now()}},
        }
        status = {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
        self._send("PATCH", f"{self._path()}/status", {"status": status})

    def _path(self) -> str:
        return self._api.path("pods", self.namespace, self.name)

    def _send(self, method: str, path: str, body: Any) -> None:
        """Again, for as long as the API is away."""
        while not self._gone.is_set():
            try:
                answer = self._api.send(method, path, body)
            except httpx.TransportError:
                self._gone.wait(1)
            else:
                assert answer.is_success or answer.status_code == 404, answer.text
                return


class Kubelet:
    """Of one node. `trees` has the code of some images; any other is that of this release."""

    def __init__(self, api: Api, pool: str, *, cards: int, folder: Path, trees: Mapping[str, Path]) -> None:
        self.name, self.running = f"live-{pool}", dict[str, RunningPod]()
        self._api, self._cards, self._folder, self._trees = api, cards, folder, trees
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=each, daemon=True)
            for each in ((self._beat, BEAT_SECONDS), (self._look, LOOK_SECONDS))
        ]

    def start(self) -> None:
        self._api.apply(self._node())
        self._tell()
        for thread in self._threads:
            thread.start()

    def vanish(self) -> None:
        """The machine is gone, without a word."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(30)
        for pod in self.running.values():
            pod.kill()
        self.running.clear()

    def remove(self) -> None:
        self.vanish()
        self._api.kubectl("delete", "node", self.name, "--ignore-not-found")
        for pod in self._pods().values():
            self._forget(pod)

    def _repeat(self, act: Any, seconds: float) -> None:
        while not self._stopping.wait(seconds):
            try:
                act()
            except httpx.HTTPError:
                continue  # the API is away

    def _tell(self) -> None:
        """That it is ready, with all its cards."""
        self._api.send("PATCH", f"{self._api.path('nodes', '', self.name)}/status", {"status": self._status()})

    def _beat(self) -> None:
        """A node that was silent for too long is not ready until it says so."""
        path = self._api.path("leases", "kube-node-lease", self.name)
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name},
            "spec": {"holderIdentity": self.name, "leaseDurationSeconds": 10, "renewTime": now()},
        }
        if self._api.send("PATCH", path, {"spec": body["spec"]}).status_code == 404:
            self._api.send("POST", self._api.path("leases", "kube-node-lease"), body)
        if not ready(self._api.get("nodes", "", self.name)):
            self._tell()

    def _look(self) -> None:
        pods = self._pods()
        for name, pod in pods.items():
            deleted = "deletionTimestamp" in pod["metadata"]
            if name in self.running and not deleted:
                self.running[name].look(pod)
            elif name not in self.running and deleted:
                self._forget(pod)  # it was another's of this name
            elif name not in self.running:
                with suppress(KeyError):  # a secret that is not there: it is looked at again
                    self.running[name] = RunningPod(self._api, pod, self._container(pod))
        for name, running in self.running.items():
            if name not in pods or "deletionTimestamp" in pods[name]["metadata"]:
                running.deleted.set()

    def _pods(self) -> dict[str, Object]:
        return self._api.list("pods", fieldSelector=f"spec.nodeName={self.name}")

    def _forget(self, pod: Object) -> None:
        path = self._api.path("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
        self._api.send("DELETE", path, {"gracePeriodSeconds": 0})

    def _container(self, pod: Object) -> Container:
        namespace = pod["metadata"]["namespace"]
        there = [
            {"kind": kind, **each}
            for kind, plural in (("Secret", "secrets"), ("ConfigMap", "configmaps"))
            for each in self._api.list(plural, namespace).values()
        ]
        name = pod["metadata"]["name"]
        tree = self._trees.get(pod["spec"]["containers"][0]["image"])
        environment = {"PYTHONPATH": str(tree)} if tree else {}
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier look
        folder.mkdir(parents=True)
        cluster = Cluster([{"kind": "Pod", **pod}, *there], folder, extra_env=environment)
        return cluster.containers[name]

    def _node(self) -> Object:
        labels = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", "live": "true"}
        taints = [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]
        metadata = {"name": self.name, "labels": labels}
        return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints}}

    def _status(self) -> Object:
        there = {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": str(self._cards)}
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
        }
        return {
            "allocatable": there,
            "capacity": there,
            "conditions": [{**ready, "lastHeartbeatTime": now(), "lastTransitionTime": now()}],
        }


@contextmanager
def kubelets(
    api: Api, folder: Path, pools: Mapping[str, int], *, trees: Mapping[str, Path] | None = None
) -> Iterator[dict[str, Kubelet]]:
    """A node in each pool, with so many cards, by the pool's name."""
    found = {
        pool: Kubelet(api, pool, cards=cards, folder=folder / pool, trees=trees or {}) for pool, cards in pools.items()
    }
    try:
        for each in found.values():
            each.start()
        yield found
    finally:
        for each in found.values():
            each.remove()
