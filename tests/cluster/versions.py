"""The programs of a control plane: which of which version, and of which Go module each is built."""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES = "1.37.2"
PARTS = "v0." + KUBERNETES.removeprefix("1.")
ETCD = "3.7.3"
KWOK = "0.8.0"
HELM_3 = "3.21.4"
"""The newest whose dependencies are Kubernetes' own: a later one has all of it compiled a second time."""
HELM_4 = "4.3.2"
KEDA = "2.21.0"


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    version: str
    package: str

    @property
    def file(self) -> str:
        """Of its version: another one is built beside it."""
        return f"{self.name}-{self.version}"


@dataclass(frozen=True, slots=True)
class Module:
    """Programs that are built together, as what they have in common is then compiled once.

    `path` and `version` are the module whose go.mod decides what else is taken. `parts` is the version of those of its
    parts that it has beside itself, and that are published as modules of their own.
    """

    name: str
    path: str
    version: str
    programs: tuple[Program, ...]
    parts: str = ""
    requires: tuple[str, ...] = ()


def _kubernetes(name: str) -> Program:
    return Program(name, KUBERNETES, f"k8s.io/kubernetes/cmd/{name}")


def _keda(part: str) -> Program:
    return Program(f"keda-{part}", KEDA, f"github.com/kedacore/keda/v2/cmd/{part}")


HELM = {
    3: Program("helm", HELM_3, "helm.sh/helm/v3/cmd/helm"),
    4: Program("helm", HELM_4, "helm.sh/helm/v4/cmd/helm"),
}
CONTROL_PLANE = Module(
    "kubernetes",
    "k8s.io/kubernetes",
    f"v{KUBERNETES}",
    (
        HELM[3],
        *map(_kubernetes, ("kubectl", "kube-scheduler", "kube-apiserver", "kube-controller-manager")),
        Program("kwok", KWOK, "sigs.k8s.io/kwok/cmd/kwok"),
    ),
    parts=PARTS,
    requires=(f"k8s.io/kubectl@{PARTS}", f"sigs.k8s.io/kwok@v{KWOK}", f"helm.sh/helm/v3@v{HELM_3}"),
)
MODULES = (
    CONTROL_PLANE,
    Module("etcd", "go.etcd.io/etcd/server/v3", f"v{ETCD}", (Program("etcd", ETCD, "go.etcd.io/etcd/server/v3"),)),
    Module("helm4", "helm.sh/helm/v4", f"v{HELM_4}", (HELM[4],)),
    Module("keda", "github.com/kedacore/keda/v2", f"v{KEDA}", tuple(map(_keda, ("operator", "adapter", "webhooks")))),
)
NEEDED = ("kubernetes", "etcd", "helm4")
"""Without any of these a run of tests/cluster shows nothing; without KEDA its tests alone are skipped."""

FOLDERS = {
    f"kwok-stages-{KWOK}": (f"sigs.k8s.io/kwok@v{KWOK}", "kustomize/stage"),
    f"keda-crds-{KEDA}": (f"github.com/kedacore/keda/v2@v{KEDA}", "config/crd/bases"),
}
"""What is needed of modules beside programs: by its name here, the module, and where it is there."""


def link_flags() -> str:
    """The versions that programs say they have.

    Without them the server calls itself v0.0.0-master, which the chart's `kubeVersion` refuses, and Helm 3 renders for
    Kubernetes 1.20.
    """
    minor = KUBERNETES.split(".")[1]
    base, helm = "k8s.io/component-base/version", "helm.sh/helm/v3"
    values = {
        f"{base}.gitVersion": f"v{KUBERNETES}",
        f"{base}.gitMajor": "1",
        f"{base}.gitMinor": minor,
        f"{base}.gitTreeState": "clean",
        f"{helm}/internal/version.version": f"v{HELM_3}",
        f"{helm}/pkg/chartutil.k8sVersionMinor": minor,
        f"{helm}/pkg/lint/rules.k8sVersionMinor": minor,
    }
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in values.items())])
