"""What the chart takes the API takes: of each key of values.schema.json odd values, and what the API says of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.cluster.api import Api
from tests.cluster.release import Release
from tests.cluster.values import Odd, odd_values
from tests.deploy.chart import CHART, Object

SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
SHOWN = {"models.0.affinity", "workers.affinity", "web.service.annotations", "web.ingress.annotations"}
"""Keys that are Kubernetes' own to check, or an operator's, whose words then are those of the API."""

pytestmark = pytest.mark.timeout(900)


def used(values: Object) -> Object:
    """Values in which no key is without an effect: all parts are turned on, and there is one of each list."""
    extra = yaml.safe_load((CHART / "ci/everything-values.yaml").read_text())
    found: Object = merged(merged(values, extra), {"networkPolicy": {"from": ["ingress"]}})
    found["models"] = [{**found["models"][1], "affinity": {}, "resources": {"limits": {"memory": "2Gi"}}}]
    return found


def merged(values: Any, more: Any) -> Any:
    if isinstance(values, dict) and isinstance(more, dict):
        return {**values, **{key: merged(values.get(key), value) for key, value in more.items()}}
    return more


VALUES = used(yaml.safe_load((CHART / "values.yaml").read_text()))


def taken() -> list[Odd]:
    """Odd values that the schema has nothing against: three of each key, the last of which look like numbers."""
    assert VALIDATOR.is_valid(VALUES), [error.message for error in VALIDATOR.iter_errors(VALUES)]
    by_key: dict[tuple[str | int, ...], list[Odd]] = {}
    for odd in odd_values(SCHEMA):
        if VALIDATOR.is_valid(odd.within(VALUES)):
            by_key.setdefault(odd.path, []).append(odd)
    return [odd for found in by_key.values() for odd in (*found[:1], *found[1:][-2:])]


def test_what_the_schema_takes_the_api_takes(release: Release, tmp_path: Path) -> None:
    """Of the values that neither the schema nor a template refuses, the API refuses none."""
    plain = {_key(each): each for each in rendered(release, VALUES, tmp_path)}
    refused = {}
    for odd in taken():
        try:
            objects = rendered(release, odd.within(VALUES), tmp_path)
        except RuntimeError:
            continue  # a template refuses it by name
        for each in objects:
            if each != plain.get(_key(each)):
                said = tried(release.api, release.namespace, each)
                if said:
                    refused[str(odd)] = said
    unexpected = {odd: said for odd, said in refused.items() if not any(odd.startswith(key) for key in SHOWN)}
    assert unexpected == {}


def rendered(release: Release, values: Object, folder: Path) -> list[Object]:
    """Raises RuntimeError when helm refuses the values."""
    file = folder / "odd.json"
    file.write_text(json.dumps(values))
    command = [release.helm, "template", "caravan", str(CHART), "--namespace", release.namespace]
    done = subprocess.run([*command, "--values", str(file)], capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] != "Secret"]


def tried(api: Api, namespace: str, body: Object) -> str:
    """What the API has against an object, an unknown field included; nothing is stored."""
    plural = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"}.get(body["kind"], f"{body['kind'].lower()}s")
    path = f"/{_group(body)}/namespaces/{namespace}/{plural}?dryRun=All&fieldValidation=Strict"
    answer = api.send("POST", path, body)
    return "" if answer.is_success else str(answer.json()["message"])


def _group(body: Object) -> str:
    version = body["apiVersion"]
    return f"apis/{version}" if "/" in version else f"api/{version}"


def _key(each: Object) -> tuple[str, str]:
    return each["kind"], each["metadata"]["name"]
