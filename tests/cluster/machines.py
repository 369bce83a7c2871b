"""Nodes, pods and volumes without machines, by kwok: pods run and are ready at once, claims are bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.cluster.api import ready
from tests.cluster.control_plane import ControlPlane
from tests.cluster.versions import KWOK
from tests.deploy.chart import Object
from tests.support.redis_server import free_port
from tests.support.waiting import until

POOLS = ("a", "b", "c")
CARDS = 4
CLASSES = ("standard", "shared", "fast")
"""Of storage; the first is the default one. Claims of any other stay pending."""
UNPULLABLE = "nowhere.test/caravan:missing"
"""An image that no node gets: its pod waits, as a kubelet has it wait."""
STAGES = ("node/fast/node-*", "node/heartbeat-with-lease/node-*", "pod/fast/pod-*", "volume/fast/p*")


def nodes() -> list[Object]:
    """Two with processors alone, and two in each of three pools with cards."""
    plain = [_node(f"cpu-{number}", {"pool": "cpu"}) for number in range(2)]
    cards = {"nvidia.com/gpu": str(CARDS)}
    return plain + [
        _node(f"gpu-{pool}-{number}", {"pool": pool, "nvidia.com/gpu.present": "true"}, extra=cards)
        for pool in POOLS
        for number in range(2)
    ]


def _node(name: str, labels: dict[str, str], *, extra: dict[str, str] | None = None) -> Object:
    there = {"cpu": "64", "memory": "512Gi", "pods": "110", "ephemeral-storage": "500Gi", **(extra or {})}
    system = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    taints = [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}] if extra else []
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**system, **labels}, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"taints": taints},
        "status": {"allocatable": there, "capacity": there},
    }


def start(plane: ControlPlane) -> None:
    """kwok, its nodes once they are ready, and the classes that the chart's values name."""
    stages = plane.folder / "stages.yaml"
    stages.write_text(yaml.safe_dump_all(_stages(plane.tools.folder / f"kwok-stages-{KWOK}")))
    plane.api.apply(*map(_storage_class, CLASSES), {
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia",
    })  # fmt: skip
    options = {
        "kubeconfig": str(plane.kubeconfig),
        "config": str(stages),
        "manage-all-nodes": "false",
        "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        "node-lease-duration-seconds": "12",
        "cidr": "10.244.0.0/16",
        "node-ip": "10.0.0.1",
        "server-address": f"127.0.0.1:{free_port()}",
    }
    command = [plane.tools.path("kwok"), *(f"--{key}={value}" for key, value in options.items())]
    health = f"http://{options['server-address']}/healthz"
    plane.programs.start("kwok", command, answers=lambda: plane.answers(health))
    plane.api.kubectl("apply", "--server-side", "-f", "-", text=yaml.safe_dump_all(nodes()))
    until(lambda: all(map(ready, plane.api.list("nodes").values())), seconds=60, what="all nodes are ready")


def _storage_class(name: str) -> Object:
    default = str(name == CLASSES[0]).lower()
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": default}},
        "provisioner": "kwok.x-k8s.io/volume",
        "allowVolumeExpansion": True,
    }


def _stages(folder: Path) -> list[Object]:
    """kwok's own of nodes, pods and volumes, to name some of which leaves out the rest, and two more."""
    files = [file for pattern in STAGES for file in sorted(folder.glob(f"{pattern}.yaml"))]
    texts = [file.read_text().replace("== 'kwok-volume'", f"in {list(CLASSES)}") for file in files]
    found = {stage["metadata"]["name"]: stage for stage in map(yaml.safe_load, texts)}
    image = {"key": ".spec.containers.[].image", "values": [UNPULLABLE]}
    found["pod-ready"]["spec"]["selector"]["matchExpressions"].append({**image, "operator": "NotIn"})
    waits = _pod_stage("pod-waits", "Pending", [{**image, "operator": "In"}], WAITS)
    return [*found.values(), waits, _ready_again(), _helm_test()]


def _ready_again() -> Object:
    """A pod that is not ready although its containers are: its node was silent for a while, and speaks again."""
    kinds = {"Ready": "False", "ContainersReady": "True"}
    conditions = [
        {"key": f'.status.conditions.[] | select( .type == "{kind}" ) | .status', "operator": "In", "values": [status]}
        for kind, status in kinds.items()
    ]
    return _pod_stage("pod-ready-again", "Running", conditions, {"conditions": [{"type": "Ready", "status": "True"}]})


def _helm_test() -> Object:
    """kwok ends pods of Jobs alone: a pod of `helm test` ends well a moment after it has begun."""
    hook = {"key": '.metadata.annotations."helm.sh/hook"', "operator": "In", "values": ["test"]}
    return _pod_stage("pod-tested", "Running", [hook], {"phase": "Succeeded"})


def _pod_stage(name: str, phase: str, expressions: list[Object], status: Any) -> Object:
    expressions = [
        {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
        {"key": ".status.phase", "operator": "In", "values": [phase]},
        *expressions,
    ]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": expressions},
            "next": {"statusTemplate": yaml.safe_dump(status)},
        },
    }


WAITS: Object = {
    "containerStatuses": [
        {
            "name": "web",
            "image": UNPULLABLE,
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{UNPULLABLE}"'}},
        }
    ],
    "phase": "Pending",
}
"""What a kubelet says of a pod whose image it does not get."""
