"""KEDA beside the cluster, as a program of this machine: its operator, its metrics and its webhook."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.cluster.control_plane import ControlPlane
from tests.deploy.chart import Object
from tests.support.redis_server import free_port
from tests.support.waiting import until

NAMESPACE = "keda"
GROUP = "external.metrics.k8s.io"
SERVICE = f"v1beta1.{GROUP}"
OPERATOR = "keda-operator"
PROGRAMS = (OPERATOR, "keda-webhooks", "keda-adapter")


class Keda:
    """As it is installed, with one of each program."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        names = ("adapter", "webhook", "operator-grpc", "operator", "adapter-metrics")
        self._ports = {name: free_port() for name in names}

    def start(self) -> None:
        self._plane.api.apply(*self._objects())
        for name in PROGRAMS:
            self._start(name)
        until(self._serves_metrics, seconds=60, what="KEDA's metrics are served")

    def remove(self) -> None:
        """With what the API has of it, so that nobody waits for it."""
        api = self._plane.api
        until(lambda: not api.list("scaledobjects"), seconds=60, what="KEDA has let go of the ScaledObjects")
        for name in reversed(PROGRAMS):
            self._plane.programs.stop(name)
        for kind, name in (("apiservice", SERVICE), ("validatingwebhookconfiguration", "keda-admission")):
            api.kubectl("delete", kind, name)

    @contextmanager
    def without_operator(self) -> Iterator[None]:
        """It is killed, and started again after that."""
        self._plane.programs.kill(OPERATOR)
        try:
            yield
        finally:
            self._plane.programs.again(OPERATOR)

    def _start(self, name: str) -> None:
        environment = {
            **os.environ,
            "KUBECONFIG": str(self._plane.kubeconfig),
            "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
            "POD_NAMESPACE": NAMESPACE,
            "WATCH_NAMESPACE": "",
        }
        options = {"cert-dir": str(self._certificates()), **self._options(name)}
        command = [self._plane.tools.path(name), *(f"--{key}={value}" for key, value in options.items())]
        self._plane.programs.start(name, command, answers=self._health(name), env=environment)

    def _certificates(self) -> str:
        """A folder with the cluster's authority, and one key and certificate for all three."""
        pki, folder = self._plane.pki, self._plane.folder / "keda"
        if not folder.exists():
            folder.mkdir()
            for ours, its in (("ca.crt", "ca.crt"), ("server.crt", "tls.crt"), ("server.key", "tls.key")):
                (folder / its).write_bytes((pki.folder / ours).read_bytes())
        return str(folder)

    def _options(self, name: str) -> dict[str, str]:
        local = {key: f"127.0.0.1:{port}" for key, port in self._ports.items()}
        folder, config = self._certificates(), str(self._plane.kubeconfig)
        if name == OPERATOR:
            return {
                "metrics-bind-address": "0",
                "health-probe-bind-address": local["operator"],
                "metrics-service-bind-address": local["operator-grpc"],
            }
        if name == "keda-webhooks":
            return {
                "port": str(self._ports["webhook"]),
                "metrics-bind-address": "0",
                "health-probe-bind-address": "0",
            }
        return {
            "secure-port": str(self._ports["adapter"]),
            "bind-address": "127.0.0.1",
            "tls-cert-file": f"{folder}/tls.crt",
            "tls-private-key-file": f"{folder}/tls.key",
            "client-ca-file": f"{folder}/ca.crt",
            **dict.fromkeys((f"{each}-kubeconfig" for each in ("authentication", "authorization", "lister")), config),
            "metrics-service-address": local["operator-grpc"],
            "port": str(self._ports["adapter-metrics"]),
        }

    def _health(self, name: str) -> Callable[[], bool]:
        urls = {
            OPERATOR: f"http://127.0.0.1:{self._ports['operator']}/healthz",
            "keda-adapter": f"https://127.0.0.1:{self._ports['adapter']}/livez",
        }
        return lambda: name not in urls or self._plane.answers(urls[name])

    def _serves_metrics(self) -> bool:
        conditions = self._plane.api.kubectl(
            "get", "apiservice", SERVICE, "-o", "jsonpath={.status.conditions[?(@.type=='Available')].status}"
        )
        return conditions.strip() == "True"

    def _objects(self) -> list[Object]:
        """The API reaches the adapter by a service of another name, since a loopback address may be no endpoint."""
        authority, adapter = self._plane.pki.encoded("ca.crt"), self._ports["adapter"]
        service = {"name": "keda-metrics-apiserver", "namespace": NAMESPACE}
        account = {"kind": "ServiceAccount", "name": "horizontal-pod-autoscaler", "namespace": "kube-system"}
        role = "keda-external-metrics-reader"
        return [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": service,
                "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": adapter}]},
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": SERVICE},
                "spec": {
                    "group": GROUP,
                    "version": "v1beta1",
                    "service": {**service, "port": adapter},
                    "caBundle": authority,
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                },
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"name": role},
                "rules": [{"apiGroups": [GROUP], "resources": ["*"], "verbs": ["*"]}],
            },
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": role},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [account],
            },
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingWebhookConfiguration",
                "metadata": {"name": "keda-admission"},
                "webhooks": [self._webhook(authority)],
            },
        ]

    def _webhook(self, authority: str) -> Object:
        url = f"https://127.0.0.1:{self._ports['webhook']}/validate-keda-sh-v1alpha1-scaledobject"
        rule = {"apiGroups": ["keda.sh"], "apiVersions": ["v1alpha1"], "resources": ["scaledobjects"]}
        return {
            "name": "vscaledobject.kb.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Ignore",
            "clientConfig": {"url": url, "caBundle": authority},
            "rules": [{**rule, "operations": ["CREATE", "UPDATE"]}],
        }
