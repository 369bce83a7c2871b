"""Kinds of operators that are not there: definitions that take anything."""

from __future__ import annotations

from tests.deploy.chart import Object


def definition(kind: str, group: str, version: str) -> Object:
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


PROMETHEUS = [definition(kind, "monitoring.coreos.com", "v1") for kind in ("ServiceMonitor", "PrometheusRule")]
