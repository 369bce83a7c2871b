"""The chart takes no values that Kubernetes refuses later, and gives every object a name that is taken."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.factory import create_app
from tasks.settings import Settings
from tests.deploy.chart import CHART, KUBERNETES, Object, Refused, helm, of_kind, pods, render

ENVIRONMENT = CHART / "ci" / "everything-values.yaml"
INGRESS = {"web": {"ingress": {"enabled": True, "host": "a.test"}}}
MODEL = {"name": "a", "path": "demo"}


def model(**values: Any) -> Object:
    return {"models": [{**MODEL, **values}]}


REFUSED: list[tuple[Object, str]] = [
    ({"settings": {"CARAVAN_REDIS_URL": "redis://other"}}, "CARAVAN_REDIS_URL"),
    ({"secretSettings": {"CARAVAN_ADMIN_KEY": {"name": "a", "key": "b"}}}, "CARAVAN_ADMIN_KEY"),
    (
        {"settings": {"HF_TOKEN": "x"}, "secretSettings": {"HF_TOKEN": {"name": "a", "key": "b"}}},
        "HF_TOKEN is in settings and in secretSettings",
    ),
    ({**INGRESS, "flower": {"ingress": True, "pathPrefix": ""}}, "flower.pathPrefix"),
    ({**INGRESS, "flower": {"ingress": True, "pathPrefix": "v1"}}, "/v1 is a path of the web's"),
    ({**INGRESS, "flower": {"ingress": True, "pathPrefix": "jobs/flower"}}, "/jobs is a path of the web's"),
    ({"web": {"autoscaling": {"enabled": True, "min": 5, "max": 2}}}, "web.autoscaling.max is less"),
    ({"web": {"service": {"annotations": {"a/b": 1}}}}, "annotations"),
    ({"web": {"ingress": {"annotations": {"a/b": True}}}}, "annotations"),
    ({"serviceMonitor": {"enabled": True, "labels": {"a": 1}}}, "labels"),
    ({"workers": {"nodeSelector": {"gpu": True}}}, "nodeSelector"),
    (model(nodeSelector={"gpu": 1}), "nodeSelector"),
    ({"web": {"ingress": {"enabled": True, "host": "Caravan.Example"}}}, "host"),
    ({"workers": {"tolerations": [{"key": "a", "operator": "In"}]}}, "operator"),
    ({"clerk": {"tolerations": [{"key": "a", "effect": "Never"}]}}, "effect"),
    ({"redis": {"tolerations": [{"name": "a"}]}}, "name"),
    ({"workers": {"gpu": {"count": 1, "resource": "gpu"}}}, "resource"),
    ({"keys": {"existingSecret": "My_Secret"}}, "existingSecret"),
    ({"redis": {"builtin": False, "external": {"urlSecret": {"name": "Redis"}}}}, "urlSecret"),
    ({"imagePullSecrets": [{"name": ""}]}, "imagePullSecrets"),
    ({"secretSettings": {"HF_TOKEN": {"name": "A", "key": "b"}}}, "HF_TOKEN"),
    ({"secretSettings": {"HF_TOKEN": {"name": "a", "key": "b c"}}}, "key"),
    ({"web": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1G"}}}}, "web.resources"),
    ({"redis": {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}}}, "redis.resources"),
    (model(resources={"requests": {"memory": "4Gi"}, "limits": {"memory": "2048Mi"}}), "models[].resources"),
    ({"web": {"resources": {"limits": {"memory": "lots"}}}}, "memory"),
    ({"keda": {"replicas": "many"}}, "replicas"),
    ({"web": {"resources": {"requests": {"a.test/card": 1}}}}, "needs a limit that is the same"),
    (model(resources={"limits": {"a.test/card": "500m"}}), "is given in whole numbers"),
    ({"web": {"resources": {"limits": {"gpu": 1}}}}, "gpu"),
    ({"web": {"nodeSelector": {"a b": "x"}}}, "nodeSelector"),
    ({"web": {"nodeSelector": {"pool": "a b"}}}, "nodeSelector"),
    ({"serviceMonitor": {"enabled": True, "labels": {"release": "a/b"}}}, "labels"),
    ({"web": {"ingress": {"annotations": {"a b": "x"}}}}, "annotations"),
    ({"images": {"web": {"repository": "registry.test/Caravan"}}}, "repository"),
    ({"images": {"worker": {"repository": "caravan:1.2"}}}, "repository"),
    ({"redis": {"image": {"repository": "redis", "tag": "8 alpine"}}}, "tag"),
    ({"clerk": {"tolerations": [{"operator": "Exists", "value": "x"}]}}, "value"),
    ({"clerk": {"tolerations": [{"value": "x"}]}}, "key"),
    ({"clerk": {"tolerations": [{"key": "a", "tolerationSeconds": 5}]}}, "effect"),
    ({"workers": {"affinity": {"nodes": {}}}}, "nodes"),
    ({"networkPolicy": {"kedaNamespace": "Keda"}}, "kedaNamespace"),
    ({"networkPolicy": {"from": ["a.b"]}}, "from"),
    ({"redis": {"external": {"networks": ["10.1.2.300/24"]}}}, "networks"),
    ({"redis": {"storage": {"size": "0Gi"}}}, "size"),
    ({"web": {"replicas": 100_000}}, "replicas"),
]


@pytest.mark.parametrize(("values", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_kubernetes_would_refuse_is_refused_by_name(values: Object, said: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        render(values, folder=tmp_path)
    assert said in str(caught.value)


TAKEN: list[Object] = [
    {"web": {"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1073741824"}}}},
    {"web": {"resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": 0.5, "memory": "1Gi"}}}},
    {"workers": {"tolerations": [{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoSchedule"}]}},
    {"flower": {"pathPrefix": "", "nodeSelector": {"gpu": "false"}}},
    {"web": {"ingress": {"enabled": True, "host": "*.example.test"}}},
    {"images": {"web": {"repository": "registry.test:5000/a/caravan-web", "tag": "1.0@sha256:" + "0" * 64}}},
    {"web": {"resources": {"requests": {"a.test/card": 1}, "limits": {"a.test/card": "1"}}}},
    {"redis": {"external": {"networks": ["10.1.2.0/24", "fd00:20::/32"]}}},
    model(nodeSelector={"topology.kubernetes.io/zone": "a-1"}, affinity={"nodeAffinity": {}}),
]


@pytest.mark.parametrize("values", TAKEN, ids=range(len(TAKEN)))
def test_what_kubernetes_takes_is_taken(values: Object, tmp_path: Path) -> None:
    assert render(values, folder=tmp_path)


NUMBERS: Object = {
    "files": {"enabled": True, "storageClass": "1e3", "existingClaim": "10"},
    "modelCache": {"kind": "claim", "existingClaim": "0x10", "tokenSecret": {"name": "12", "key": "1"}},
    "workers": {"runtimeClassName": "017"},
    "web": {"ingress": {"enabled": True, "host": "a.test", "className": "1", "tlsSecret": "1e3"}},
    "keda": {"enabled": True},
    "networkPolicy": {"kedaNamespace": "1", "from": ["2"]},
    "keys": {"existingSecret": "1", "metricsSecret": "2"},
    "redis": {"existingSecret": "3", "storage": {"storageClass": "4"}},
    "flower": {"existingSecret": "5"},
    "serviceMonitor": {"enabled": True},
    "secretSettings": {"HF_TOKEN": {"name": "7", "key": "8"}},
    "models": [{"name": "1e3", "path": "hf://a/b/c.gguf"}],
}


def test_names_of_digits_stay_texts(tmp_path: Path) -> None:
    """An object, a class or a release may be called 1e3: what is no quantity is no number."""
    (tmp_path / "values.json").write_text(json.dumps(NUMBERS))
    text = helm("template", "123", CHART, "--kube-version", KUBERNETES, "--values", tmp_path / "values.json")
    for each in yaml.safe_load_all(text):
        assert numbers_among_names(each) == []


def numbers_among_names(part: Any, key: str = "") -> list[str]:
    """Where a name, a label or an address of a value is a number."""
    if isinstance(part, dict):
        return [found for name, inner in part.items() for found in numbers_among_names(inner, str(name))]
    if isinstance(part, list):
        return [found for inner in part for found in numbers_among_names(inner, key)]
    named = key.lower().endswith(("name", "key", "path", "instance"))
    return [f"{key}: {part}"] if named and part is not None and not isinstance(part, str) else []


def test_every_first_part_of_the_fronts_paths_is_known_to_the_chart() -> None:
    rules = create_app(Settings(models_file=None)).url_map.iter_rules()
    served = {rule.rule.split("/")[1] for rule in rules if rule.rule.split("/")[1]}
    text = (CHART / "templates" / "_helpers.tpl").read_text()
    known = re.search(r'define "caravan.webPaths" -}}\n(.*)\n', text)
    assert known is not None
    assert known.group(1).split() == sorted(served)


def test_settings_that_the_chart_makes_itself_cannot_be_given_twice() -> None:
    """What any container has as a variable is refused as a setting, but for what is meant to be changed."""
    made = {
        variable["name"]
        for of, pod in pods(render(None, ENVIRONMENT)).items()
        if not of.endswith("test-job")
        for container in pod["containers"]
        for variable in container.get("env", [])
    }
    given = yaml.safe_load(ENVIRONMENT.read_text())
    free = {*given["settings"], *given["secretSettings"], "CARAVAN_HOSTS", "POD_NAME", "REDIS_PASSWORD"}
    names = sorted(name for name in made - free if name.startswith(("CARAVAN_", "FLOWER_", "HF_")))
    assert names
    for name in names:
        with pytest.raises(Refused, match=name):
            helm("template", "caravan", CHART, "--kube-version", KUBERNETES, "--set-string", f"settings.{name}=x")


@pytest.mark.parametrize("release", ["my.rel", "1abc", "production", "caravan", "a" * 53, "9." + "b" * 40])
def test_every_release_and_model_has_names_that_are_taken(release: str) -> None:
    options = ["--set", "keda.enabled=true,models[0].name=Qwen2.5-Coder-14B-Instruct.Q4_K_M,models[0].path=demo"]
    text = helm("template", release, CHART, "--kube-version", KUBERNETES, *options)
    objects = [found for found in yaml.safe_load_all(text) if found]
    for each in objects:
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", each["metadata"]["name"])
    for name, scaled in of_kind(objects, "ScaledObject").items():
        assert scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["name"] == name


def test_a_model_that_sleeps_has_no_worker_at_first(tmp_path: Path) -> None:
    values = {"keda": {"enabled": True}, **model(workers={"min": 0, "max": 3})}
    deployments = of_kind(render(values, folder=tmp_path), "Deployment")
    assert deployments["caravan-worker-a"]["spec"]["replicas"] == 0
    values["keda"] = {"enabled": True, "replicas": "omit"}
    deployments = of_kind(render(values, folder=tmp_path), "Deployment")
    assert "replicas" not in deployments["caravan-worker-a"]["spec"]


def test_pods_spread_by_version_and_a_broken_one_stops_no_drain() -> None:
    objects = render(None, ENVIRONMENT)
    for pod in pods(objects).values():
        for constraint in pod.get("topologySpreadConstraints", []):
            assert constraint["matchLabelKeys"] == ["pod-template-hash"]
    budgets = of_kind(objects, "PodDisruptionBudget")
    assert {"caravan-web", "caravan-clerk", "caravan-worker-demo"} <= set(budgets)
    assert all(budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow" for budget in budgets.values())


def test_each_component_goes_where_it_is_told(tmp_path: Path) -> None:
    where: Object = {"nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "a", "operator": "Exists"}]}
    found = pods(render(dict.fromkeys(("web", "clerk", "flower", "redis", "workers"), where), folder=tmp_path))
    running = {name: pod for name, pod in found.items() if not name.endswith("test-job")}
    assert len(running) == 5
    for name, pod in running.items():
        assert pod["nodeSelector"] == where["nodeSelector"], name
        assert pod["tolerations"] == where["tolerations"], name
