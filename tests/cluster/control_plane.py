"""A control plane on loopback: etcd, API server, controller manager, scheduler. No kubelet, no network, no DNS."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from tests.cluster.api import Api, ready
from tests.cluster.pki import Pki
from tests.cluster.programs import Programs
from tests.cluster.tools import Tools
from tests.support.redis_server import free_port
from tests.support.waiting import until

NODE_GRACE = "8s"
"""How long a node may be silent; Kubernetes' own is 50 s."""
UNREACHABLE_SECONDS = "60"
"""How long a pod stays on a node that is not ready; Kubernetes' own is 300 s.

Long enough for nodes that were silent because the API server was away.
"""


class ControlPlane:
    """Its files are in `folder`; `kubeconfig` is the administrator's.

    `autoscaler_seconds` is how often autoscalers are looked at; Kubernetes' own is 15.
    """

    def __init__(self, folder: Path, tools: Tools, *, autoscaler_seconds: int = 5) -> None:
        self.tools, self.folder, self._autoscaler_seconds = tools, folder, autoscaler_seconds
        folder.mkdir(parents=True, exist_ok=True)
        self.pki = Pki(folder / "pki")
        self.programs = Programs(folder)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.pki.make()
        self.kubeconfig = self.pki.kubeconfig("admin", self.url)
        self.api = Api(self.url, self.pki, self.tools.path("kubectl"), self.kubeconfig)

    def start(self) -> None:
        self._start_etcd()
        self._start_api_server()
        self._start_controllers()
        self._start_scheduler()

    def stop(self) -> None:
        self.api.http.close()
        self.programs.stop_all()

    def stop_api_server(self) -> None:
        self.programs.stop("kube-apiserver")

    def start_api_server(self) -> None:
        """Until the others work with it again.

        Those that are one of several in life end when they cannot keep their lease, and are begun anew.
        """
        others = ("kube-controller-manager", "kube-scheduler")
        for name in others:
            self.programs.stop(name)
        for name in ("kube-apiserver", *others):
            self.programs.again(name)
        self._await_work()

    def _await_work(self) -> None:
        """All nodes are ready, and a pod in a new namespace is: each of them has heard of what is new."""
        name = "after-an-absence"
        until(lambda: all(map(ready, self.api.list("nodes").values())), seconds=90, what="all nodes are ready")
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        until(lambda: "default" in self.api.list("serviceaccounts", name), seconds=90, what="the account is made")
        metadata, containers = {"name": name, "namespace": name}, [{"name": name, "image": name}]
        self.api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}})
        until(lambda: ready(self.api.get("pods", name, name)), seconds=90, what="a new pod is ready")
        self.api.kubectl("delete", "namespace", name, seconds=90)

    def answers(self, url: str) -> bool:
        """Whether an address answers 200 to the administrator; what has a certificate of its own making is believed."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(self.pki.path("admin.crt"), self.pki.path("admin.key"))
        try:
            return httpx.get(url, verify=context, timeout=2, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._etcd = client
        command = [self.tools.path("etcd"), "--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync"]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", f"default={peer}"]
        self.programs.start("etcd", command, answers=lambda: self.answers(f"{client}/health"))

    def _start_api_server(self) -> None:
        options = {
            "etcd-servers": self._etcd,
            "bind-address": "127.0.0.1",
            "secure-port": str(self.port),
            # A loopback address may be no endpoint, so there is none of its own.
            "advertise-address": "10.0.0.1",
            "endpoint-reconciler-type": "none",
            "service-cluster-ip-range": "10.96.0.0/16",
            "authorization-mode": "Node,RBAC",
            "client-ca-file": self.pki.path("ca.crt"),
            "tls-cert-file": self.pki.path("server.crt"),
            "tls-private-key-file": self.pki.path("server.key"),
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": self.pki.path("accounts.pub"),
            "service-account-signing-key-file": self.pki.path("accounts.key"),
            "requestheader-client-ca-file": self.pki.path("front-proxy-ca.crt"),
            "requestheader-allowed-names": "front-proxy",
            "requestheader-username-headers": "X-Remote-User",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "proxy-client-cert-file": self.pki.path("front-proxy.crt"),
            "proxy-client-key-file": self.pki.path("front-proxy.key"),
            "default-unreachable-toleration-seconds": UNREACHABLE_SECONDS,
            "default-not-ready-toleration-seconds": UNREACHABLE_SECONDS,
        }
        self._start("kube-apiserver", options, answers=f"{self.url}/readyz")

    def _start_controllers(self) -> None:
        config = str(self.pki.kubeconfig("controller-manager", self.url))
        options = {
            **self._client(config),
            "use-service-account-credentials": "true",
            "service-account-private-key-file": self.pki.path("accounts.key"),
            "root-ca-file": self.pki.path("ca.crt"),
            "node-monitor-grace-period": NODE_GRACE,
            "node-monitor-period": "1s",
            "horizontal-pod-autoscaler-sync-period": f"{self._autoscaler_seconds}s",
        }
        self._start("kube-controller-manager", options)

    def _start_scheduler(self) -> None:
        self._start("kube-scheduler", self._client(str(self.pki.kubeconfig("scheduler", self.url))))

    @staticmethod
    def _client(config: str) -> dict[str, str]:
        names = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
        return {**dict.fromkeys(names, config), "leader-elect": "false", "bind-address": "127.0.0.1"}

    def _start(self, name: str, options: dict[str, str], *, answers: str = "") -> None:
        if not answers:
            options["secure-port"] = str(free_port())
            answers = f"https://127.0.0.1:{options['secure-port']}/healthz"
        command = [self.tools.path(name), *(f"--{key}={value}" for key, value in options.items())]
        self.programs.start(name, command, answers=lambda: self.answers(answers))
