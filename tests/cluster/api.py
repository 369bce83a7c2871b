"""The API of a cluster, as programs ask it and as a person types it."""

from __future__ import annotations

import json
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.cluster.pki import Pki
from tests.deploy.chart import Object

GROUPS = {
    "deployments": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "networkpolicies": "apis/networking.k8s.io/v1",
    "ingresses": "apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "scaledobjects": "apis/keda.sh/v1alpha1",
    "leases": "apis/coordination.k8s.io/v1",
}
"""Where kinds are; those that are not named are in api/v1."""


class Failed(Exception):
    """Raised when a command fails; the message is the command's."""


class Api:
    """Of a whole cluster, to its administrator."""

    def __init__(self, url: str, pki: Pki, kubectl: str, kubeconfig: Path) -> None:
        context = ssl.create_default_context(cafile=pki.path("ca.crt"))
        context.load_cert_chain(pki.path("admin.crt"), pki.path("admin.key"))
        self.http = httpx.Client(base_url=url, verify=context, timeout=30, trust_env=False)
        self.kubeconfig = kubeconfig
        self._kubectl = kubectl

    def path(self, kind: str, namespace: str = "", name: str = "") -> str:
        parts = [GROUPS.get(kind, "api/v1"), f"namespaces/{namespace}" if namespace else "", kind, name]
        return "/" + "/".join(part for part in parts if part)

    def list(self, kind: str, namespace: str = "", **query: str) -> dict[str, Object]:
        """By name; without a namespace, those of all."""
        found = self.http.get(self.path(kind, namespace), params=query).raise_for_status().json()
        return {each["metadata"]["name"]: each for each in found["items"]}

    def get(self, kind: str, namespace: str, name: str) -> Object:
        found: Object = self.http.get(self.path(kind, namespace, name)).raise_for_status().json()
        return found

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A patch is a merge."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return self.http.request(method, path, json=body, headers={"Content-Type": kind})

    def kubectl(self, *arguments: str, text: str | None = None, seconds: float = 60) -> str:
        """What kubectl prints, to stdout and stderr; raises Failed."""
        return run([self._kubectl, "--kubeconfig", str(self.kubeconfig), *arguments], text=text, seconds=seconds)

    def apply(self, *objects: Object) -> str:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        return self.kubectl("apply", "--server-side", "-f", "-", text=text)


def ready(of: Object) -> bool:
    """Whether a node or a pod is."""
    conditions = of.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def run(command: list[str], *, text: str | None = None, seconds: float = 60) -> str:
    """A command's output; raises Failed."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise Failed(done.stdout + done.stderr)
    return done.stdout + done.stderr
