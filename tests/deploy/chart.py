"""The chart, rendered by the real helm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

HOUSE = Path(__file__).parents[2]
CHART = HOUSE / "deploy" / "helm"
KUBERNETES = "1.31.0"
Object = dict[str, Any]


class Refused(Exception):
    """Raised when helm does not take the values; the message is helm's."""


def require_helm() -> str:
    """The path of helm; without it a developer's test is skipped, and one of the CI's fails."""
    found = shutil.which("helm")
    if found is not None:
        return found
    message = "helm is not there: go install helm.sh/helm/v3/cmd/helm@latest"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def helm(*arguments: str | Path) -> str:
    """What helm prints; raises Refused."""
    done = subprocess.run([require_helm(), *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Refused(done.stdout + done.stderr)
    return done.stdout


def render(values: Object | None = None, *files: Path, folder: Path | None = None) -> list[Object]:
    """The objects of a release `caravan` in the namespace `default`."""
    options: list[str | Path] = [option for file in files for option in ("--values", file)]
    if values:
        assert folder is not None
        given = folder / "values.yaml"
        given.write_text(json.dumps(values))
        options += ["--values", given]
    text = helm("template", "caravan", CHART, "--kube-version", KUBERNETES, *options)
    return [found for found in yaml.safe_load_all(text) if found]


def pods(objects: list[Object]) -> dict[str, Object]:
    """The pods' specifications by the names of what they belong to."""
    found = {}
    for each in objects:
        if each["kind"] == "Pod":
            found[each["metadata"]["name"]] = each["spec"]
        elif each["kind"] in ("Deployment", "StatefulSet"):
            found[each["metadata"]["name"]] = each["spec"]["template"]["spec"]
    return found


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}
