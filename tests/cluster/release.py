"""A release of the chart in a namespace of its own, by either Helm."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.api import Api, run
from tests.deploy.chart import CHART, Object

LABEL = "app.kubernetes.io/instance"


@dataclass(frozen=True, slots=True)
class Release:
    """`folder` is for its values files."""

    api: Api
    helm: str
    namespace: str
    folder: Path
    name: str = "caravan"

    def install(self, *files: Path, values: Object | None = None, options: tuple[str, ...] = ()) -> str:
        """What helm says once all is ready; raises Failed."""
        return self._chart("install", files, values, ("--wait", "--timeout", "90s", *options))

    def upgrade(
        self, *files: Path, values: Object | None = None, chart: Path = CHART, options: tuple[str, ...] = ()
    ) -> str:
        return self._chart("upgrade", files, values, ("--wait", "--timeout", "90s", *options), chart=chart)

    def rollback(self, revision: int = 0) -> str:
        """To a revision; 0 is the one before."""
        return self.do("rollback", self.name, *([str(revision)] if revision else []), "--wait", "--timeout", "240s")

    def uninstall(self) -> str:
        return self.do("uninstall", self.name, "--wait", "--timeout", "90s")

    def test(self) -> str:
        return self.do("test", self.name, "--timeout", "60s")

    def history(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.do("history", self.name, "--output", "json"))
        return found

    def do(self, *arguments: str) -> str:
        """What helm says; raises Failed."""
        where = ("--kubeconfig", str(self.api.kubeconfig), "--namespace", self.namespace)
        return run([self.helm, *arguments, *where], seconds=150)

    def objects(self, kind: str) -> dict[str, Object]:
        """The release's own of a kind, as the API has them."""
        return self.api.list(kind, self.namespace, labelSelector=f"{LABEL}={self.name}")

    def pods(self, component: str) -> list[Object]:
        """Those of a component that are not on their way out."""
        selector = f"{LABEL}={self.name},app.kubernetes.io/component={component}"
        found = self.api.list("pods", self.namespace, labelSelector=selector).values()
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def replicas(self, name: str) -> int:
        """As a Deployment asks for."""
        found: int = self.api.get("deployments", self.namespace, name)["spec"]["replicas"]
        return found

    def _chart(
        self,
        verb: str,
        files: tuple[Path, ...],
        values: Object | None,
        options: tuple[str, ...],
        *,
        chart: Path = CHART,
    ) -> str:
        given = [option for file in files for option in ("--values", str(file))]
        if values:
            own = self.folder / f"{verb}-values.json"
            own.write_text(json.dumps(values))
            given += ["--values", str(own)]
        return self.do(verb, self.name, str(chart), *given, *options)
