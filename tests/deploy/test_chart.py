"""The chart renders what Kubernetes takes, and refuses values that make no sense."""

from __future__ import annotations

import ipaddress
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tasks.models import models_schema
from tasks.models.catalogue import load
from tasks.models.engine_keys import EngineKeys
from tests.deploy.chart import CHART, KUBERNETES, Object, Refused, helm, of_kind, pods, render
from tests.support.promtool import DASHBOARD, RULES

CRDS = Path(__file__).parent / "crds"
FILES = [CHART / "values.yaml", *sorted(CHART.glob("values-*.yaml")), *sorted((CHART / "ci").glob("*-values.yaml"))]

CHOICES: dict[str, list[Object]] = {
    "redis": [
        {"redis": {"builtin": True}},
        {"redis": {"builtin": False, "external": {"urlSecret": {"name": "r"}, "address": "r:6379", "tls": True}}},
        {"redis": {"existingSecret": "mine", "port": 6380}},
    ],
    "keda": [{"keda": {"enabled": False}}, {"keda": {"enabled": True}}],
    "web": [
        {},
        {"web": {"autoscaling": {"enabled": True}}, "flower": {"pathPrefix": ""}},
        {"web": {"ingress": {"enabled": True, "host": "a.test", "className": "nginx"}}, "flower": {"ingress": True}},
    ],
    "cache": [{"modelCache": {"kind": kind}} for kind in ("ephemeral", "claim", "hostPath")],
    "files": [{}, {"files": {"enabled": True}}, {"files": {"enabled": True, "accessMode": "ReadWriteOnce"}}],
    "more": [
        {"flower": {"persistence": {"enabled": True}}}, {"serviceMonitor": {"enabled": True}},
        {"podDisruptionBudgets": False},
    ],
    "watch": [{}, {"prometheusRule": {"enabled": True}}, {"dashboard": {"enabled": True, "labels": {"a": "b"}}}],
    "models": [
        {},
        {"models": [{"name": "A.b_C", "path": "hf://o/r/f.gguf"}, {"name": "d", "path": "demo", "gpu": {"count": 2}}]},
        {"models": [{"name": "v", "path": "/models/v", "kind": "embedding"}], "workers": {"runtimeClassName": "n"}},
    ],
}  # fmt: skip

EXTERNAL: Object = {"builtin": False, "external": {"urlSecret": {"name": "r"}}}


def merged(parts: tuple[Object, ...]) -> Object:
    values: Object = {}
    for part in parts:
        for key, value in part.items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
    return values


def combinations(count: int) -> list[Object]:
    """Some of all combinations, always the same ones."""
    return [merged(each) for each in random.Random(7).sample(list(itertools.product(*CHOICES.values())), count)]


COMBINATIONS = combinations(14)


def validate(found: Object) -> None:
    """Raise unless Kubernetes, or the operator whose object it is, would take an object."""
    definition = CRDS / f"{found['kind']}.json"
    if definition.exists():
        jsonschema.Draft202012Validator(json.loads(definition.read_text())).validate(found)
    else:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


def assert_sound(objects: list[Object]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in objects]
    assert len(names) == len(set(names))
    for each in objects:
        validate(each)
        assert len(each["metadata"]["name"]) <= 63
    for name, pod in pods(objects).items():
        assert_restricted(name, pod)
        assert_wired(pod, objects)


def assert_restricted(name: str, pod: Object) -> None:
    """The Pod Security Standard "restricted", and a root filesystem that cannot be written."""
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"]["type"] == "RuntimeDefault"
    assert pod["automountServiceAccountToken"] is False
    for container in pod.get("initContainers", []) + pod["containers"]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False, name
        assert own["capabilities"] == {"drop": ["ALL"]}, name
        assert own["readOnlyRootFilesystem"] is True, name
        assert container["resources"]["limits"]["memory"], name


def assert_wired(pod: Object, objects: list[Object]) -> None:
    """Every mount has its volume, and every ConfigMap and claim that is named is there, or is the user's."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claims = {
        volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values() if "persistentVolumeClaim" in volume
    }
    assert claims <= set(of_kind(objects, "PersistentVolumeClaim"))
    maps = {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
    assert maps <= set(of_kind(objects, "ConfigMap"))
    for container in pod.get("initContainers", []) + pod["containers"]:
        mounts = [mount["name"] for mount in container["volumeMounts"]]
        assert set(mounts) - set(volumes) <= {"data"}  # a StatefulSet's own claim
        variables = [variable["name"] for variable in container.get("env", [])]
        assert len(variables) == len(set(variables))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_values_file_passes_the_strict_lint(file: Path) -> None:
    helm("lint", "--strict", "--values", file, CHART)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_values_file_renders_valid_objects(file: Path) -> None:
    assert_sound(render(None, file))


@pytest.mark.parametrize("values", COMBINATIONS, ids=range(len(COMBINATIONS)))
def test_generated_values_render_valid_objects(values: Object, tmp_path: Path) -> None:
    assert_sound(render(values, folder=tmp_path))


def test_the_validation_would_see_a_wrong_object() -> None:
    objects = render(None, CHART / "ci" / "everything-values.yaml")
    for kind in (
        *("Deployment", "ScaledObject", "ServiceMonitor", "TriggerAuthentication", "NetworkPolicy"),
        *("PersistentVolumeClaim", "PrometheusRule"),
    ):
        wrong = dict(next(each for each in objects if each["kind"] == kind))
        wrong["spec"] = {**wrong["spec"], "nonsense": 1}
        with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
            validate(wrong)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_the_rendered_catalogue_is_one_that_we_read(file: Path, tmp_path: Path) -> None:
    objects = render(None, file)
    text = of_kind(objects, "ConfigMap")["caravan-models"]["data"]["models.yaml"]
    (tmp_path / "models.yaml").write_text(text)
    workers = [spec["containers"][0]["args"][1] for name, spec in pods(objects).items() if "-worker-" in name]
    assert list(load(tmp_path / "models.yaml")) == workers


def test_a_models_values_are_the_keys_of_its_entry(tmp_path: Path) -> None:
    """All of them, with the same ranges; what is set by the chart reaches the catalogue."""
    known = json.loads((CHART / "values.schema.json").read_text())["properties"]["models"]["items"]["properties"]
    read_by_us = models_schema.schema()["$defs"]["ModelEntry"]["properties"]
    for key in (*EngineKeys.model_fields, "priority"):
        told = known[re.sub(r"_(\w)", lambda match: match[1].upper(), key)]
        ours = next(each for each in read_by_us[key].get("anyOf", [read_by_us[key]]))
        for word in ("type", "minimum", "maximum", "minItems", "maxItems"):
            assert told.get(word, ours.get(word)) == ours.get(word), f"{key}: {word}"
        assert set(told.get("enum", [])) <= set(ours.get("enum", []))
    text = of_kind(render(None, CHART / "ci" / "everything-values.yaml"), "ConfigMap")["caravan-models"]["data"]
    (tmp_path / "models.yaml").write_text(text["models.yaml"])
    read = load(tmp_path / "models.yaml")
    told_by_some = {key for entry in read.values() for key in entry.model_fields_set}
    assert told_by_some >= {*EngineKeys.model_fields, "priority", "sha256"}
    assert read["Fetched.Model_1"].sha256 == ("0" * 64,)
    assert read["keys"].tensor_split == (3, 1)
    assert read["keys"].chat_template == "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    assert (read["keys"].gpu_layers, read["keys"].mmap, read["keys"].flash_attention) == (0, False, "on")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"webb": {}}, "webb"),
        ({"web": {"replicas": 0}}, "replicas"),
        ({"web": {"port": 70_000}}, "port"),
        ({"models": []}, "models"),
        ({"models": [{"path": "demo"}]}, "name"),
        ({"models": [{"name": "a b", "path": "demo"}]}, "models"),
        ({"models": [{"name": "batches", "path": "demo"}]}, "models"),
        ({"models": [{"name": "a", "path": "https://x/y.gguf"}]}, "path"),
        ({"models": [{"name": "a", "path": "demo", "slots": 500}]}, "slots"),
        ({"models": [{"name": "a", "path": "demo", "keepAlive": "soon"}]}, "keepAlive"),
        ({"models": [{"name": "a", "path": "/models/a.gguf", "sha256": "abc"}]}, "sha256"),
        ({"models": [{"name": "a", "path": "demo", "cacheTypeV": "q8_1"}]}, "cacheTypeV"),
        ({"models": [{"name": "a", "path": "demo", "chatTemplate": "chat.jinja"}]}, "chatTemplate"),
        ({"modelCache": {"kind": "cloud"}}, "kind"),
        ({"files": {"enabled": True, "size": "large"}}, "size"),
        ({"files": {"enabled": True, "accessMode": "ReadWriteOncePod"}}, "accessMode"),
        ({"dashboard": {"labels": {"grafana_dashboard": 1}}}, "grafana_dashboard"),
        ({"prometheusRule": {"labels": {"release": True}}}, "release"),
        ({"redis": {"maxMemory": "lots"}}, "maxMemory"),
        ({"settings": {"PATH": "/bin"}}, "settings"),
        ({"settings": {"CARAVAN_RESULT_TTL": 3600}}, "CARAVAN_RESULT_TTL"),
        ({"redis": {"builtin": False}}, "redis.external.urlSecret.name"),
        ({"redis": EXTERNAL, "keda": {"enabled": True}}, "redis.external.address"),
        ({"redis": {**EXTERNAL, "external": {"urlSecret": {"name": "r"}, "sentinel": {"name": "m"}}}}, "sentinel"),
        ({"web": {"ingress": {"enabled": True, "host": "x"}}, "keys": {"enabled": False}}, "whoever reaches"),
        ({"web": {"ingress": {"enabled": True}}}, "web.ingress.host"),
        ({"flower": {"ingress": True}}, "web.ingress.enabled"),
        ({"models": [{"name": "a", "path": "demo", "workers": {"min": 0, "max": 1}}]}, "nothing wakes it"),
        ({"models": [{"name": "a", "path": "demo", "workers": {"min": 2, "max": 1}}]}, "workers.max less than"),
        ({"models": [{"name": "a", "path": "demo"}, {"name": "a", "path": "demo"}]}, "'a' is there twice"),
    ],
)  # fmt: skip
def test_values_that_make_no_sense_are_refused_with_a_reason(values: Object, said: str, tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        render(values, folder=tmp_path)
    assert said in str(caught.value)


def test_the_schema_names_every_value_there_is() -> None:
    """A value that the schema does not know could not be changed, and one that has no default could not be found."""

    def paths(value: Any, schema: Object, path: str = "") -> None:
        for key, inner in value.items():
            assert key in schema["properties"], f"{path}.{key}"
            known = schema["properties"][key]
            if isinstance(inner, dict) and "properties" in known:
                paths(inner, known, f"{path}.{key}")

    schema = json.loads((CHART / "values.schema.json").read_text())
    paths(yaml.safe_load((CHART / "values.yaml").read_text()), schema)


def test_a_worker_may_take_all_of_its_drain_time(tmp_path: Path) -> None:
    values: Object = {"models": [{"name": "demo", "path": "demo", "drainSeconds": 300}]}
    pod = pods(render(values, folder=tmp_path))["caravan-worker-demo"]
    drain = next(each["value"] for each in pod["containers"][0]["env"] if each["name"] == "CARAVAN_DRAIN_SECONDS")
    assert drain == "300"
    assert pod["terminationGracePeriodSeconds"] > 300


def test_a_worker_on_a_card_goes_before_its_successor_comes() -> None:
    objects = render(None, CHART / "values-gpu.yaml")
    for name, found in of_kind(objects, "Deployment").items():
        if "-worker-" in name:
            assert found["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
            container = found["spec"]["template"]["spec"]["containers"][0]
            assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
            assert found["spec"]["replicas"] == (0 if "-qwen2-5-7b" in name else 1)  # the least, at first


def test_one_models_card_is_not_anothers(tmp_path: Path) -> None:
    """A template that sets a value in what all models share would give it to all of them."""
    values: Object = {"models": [{"name": "a", "path": "demo", "gpu": {"count": 1}}, {"name": "b", "path": "demo"}]}
    found = pods(render(values, folder=tmp_path))
    assert "nvidia.com/gpu" in found["caravan-worker-a"]["containers"][0]["resources"]["limits"]
    assert "nvidia.com/gpu" not in found["caravan-worker-b"]["containers"][0]["resources"]["limits"]


def test_redis_is_reached_by_pods_of_the_release_and_by_keda_alone() -> None:
    objects = render(None, CHART / "ci" / "everything-values.yaml")
    (rule,) = of_kind(objects, "NetworkPolicy")["caravan-redis"]["spec"]["ingress"]
    release = {"app.kubernetes.io/name": "caravan", "app.kubernetes.io/instance": "caravan"}
    assert rule["from"] == [
        {"podSelector": {"matchLabels": release}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}},
    ]


def test_selectors_find_their_own_pods_and_no_others() -> None:
    objects = render(None, CHART / "values-gpu.yaml")
    workloads = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    for owner in workloads:
        selector = owner["spec"]["selector"]["matchLabels"].items()
        found = [each for each in workloads if selector <= each["spec"]["template"]["metadata"]["labels"].items()]
        assert found == [owner]


def test_a_changed_catalogue_replaces_pods(tmp_path: Path) -> None:
    def checksum(slots: int) -> str:
        objects = render({"models": [{"name": "a", "path": "demo", "slots": slots}]}, folder=tmp_path)
        pod = of_kind(objects, "Deployment")["caravan-web"]["spec"]["template"]
        return str(pod["metadata"]["annotations"]["checksum/models"])

    assert checksum(1) != checksum(2)


def with_files(objects: list[Object]) -> dict[str, str]:
    """The claims at /files, by the pods that have one there and are told of it."""
    found = {}
    for name, pod in pods(objects).items():
        (container,) = pod["containers"]
        told = {"name": "CARAVAN_FILES_DIR", "value": "/files"} in container["env"]
        mounts = [mount for mount in container["volumeMounts"] if mount["mountPath"] == "/files"]
        assert told == bool(mounts), name
        for mount in mounts:
            (volume,) = (each for each in pod["volumes"] if each["name"] == mount["name"])
            assert not mount.get("readOnly")
            found[name] = volume["persistentVolumeClaim"]["claimName"]
    return found


def test_the_web_and_the_clerk_share_a_claim_for_files(tmp_path: Path) -> None:
    objects = render({"files": {"enabled": True, "size": "7Gi", "storageClass": "fast"}}, folder=tmp_path)
    assert with_files(objects) == {"caravan-web": "caravan-files", "caravan-clerk": "caravan-files"}
    claim = of_kind(objects, "PersistentVolumeClaim")["caravan-files"]
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "7Gi"}},
    }
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_a_claim_of_ones_own_holds_the_files(tmp_path: Path) -> None:
    objects = render({"files": {"enabled": True, "existingClaim": "mine"}}, folder=tmp_path)
    assert with_files(objects) == {"caravan-web": "mine", "caravan-clerk": "mine"}
    assert of_kind(objects, "PersistentVolumeClaim") == {}


def test_there_is_no_folder_of_files_unless_it_is_wanted() -> None:
    assert with_files(render()) == {}


def test_the_alert_rules_are_those_that_promtool_checks() -> None:
    objects = render(None, CHART / "ci" / "everything-values.yaml")
    rule = of_kind(objects, "PrometheusRule")["caravan"]
    assert rule["spec"] == yaml.safe_load(RULES.read_text())
    assert rule["metadata"]["labels"]["release"] == "prometheus"


def test_the_dashboard_is_where_grafanas_sidecar_looks() -> None:
    objects = render(None, CHART / "ci" / "everything-values.yaml")
    found = of_kind(objects, "ConfigMap")["caravan-dashboard"]
    assert found["data"] == {"caravan.json": DASHBOARD.read_text()}
    assert found["metadata"]["labels"].items() >= {"grafana_dashboard": "1", "folder": "caravan"}.items()


def secrets_of(pod: Object) -> set[tuple[str, str]]:
    """The secrets that a pod's containers get: the variable and the key, or the whole value that has one in it."""
    containers = pod.get("initContainers", []) + pod["containers"]
    return {
        (each["name"], each["valueFrom"]["secretKeyRef"]["key"])
        for container in containers
        for each in container.get("env", [])
        if "secretKeyRef" in each.get("valueFrom", {})
    }


def test_each_component_has_the_secrets_that_it_needs_and_no_others() -> None:
    found = pods(render(None, CHART / "ci" / "everything-values.yaml"))
    redis = ("REDIS_PASSWORD", "redis-password")
    hooks = ("CARAVAN_WEBHOOK_SECRET", "secret")
    collector = ("OTEL_EXPORTER_OTLP_HEADERS", "headers")
    keys = {("CARAVAN_ADMIN_KEY", "admin-key"), ("CARAVAN_METRICS_KEY", "metrics-key")}
    assert secrets_of(found["caravan-web"]) == {redis, hooks, collector, *keys}
    assert secrets_of(found["caravan-clerk"]) == {redis, hooks, collector}
    assert secrets_of(found["caravan-flower"]) == {redis, ("FLOWER_PASSWORD", "flower-password")}
    workers = [secrets_of(pod) for name, pod in found.items() if "-worker-" in name]
    assert workers[0] == {redis, collector}
    assert all(of <= {redis, collector, ("HF_TOKEN", "token")} for of in workers)


def test_traces_go_to_a_collector_from_all_who_send_them() -> None:
    found = pods(render(None, CHART / "ci" / "everything-values.yaml"))
    endpoint = {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector.monitoring:4318"}
    sends = {name for name, pod in found.items() if any(endpoint in each.get("env", []) for each in pod["containers"])}
    assert sends == {name for name in found if name.startswith(("caravan-web", "caravan-clerk", "caravan-worker"))}
    assert not any(each["name"].startswith("OTEL_") for pod in pods(render()).values() for each in _variables(pod))


def _variables(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [variable for container in pod["containers"] for variable in container.get("env", [])]


def test_prometheus_has_the_key_of_the_metrics_alone() -> None:
    objects = render(None, CHART / "ci" / "everything-values.yaml")
    (endpoint,) = of_kind(objects, "ServiceMonitor")["caravan"]["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"] == {"name": "caravan-metrics", "key": "metrics-key"}
    made = of_kind(objects, "Secret")
    assert {"caravan-admin", "caravan-metrics", "caravan-flower", "caravan-redis"} <= set(made)
    values = [value for each in made.values() for value in each["data"].values()]
    assert len(values) == len(set(values))


def allowed_to(address: str, rule: Object) -> bool:
    """Whether a rule lets a pod reach an address that is no pod's."""
    if "to" not in rule:
        return True
    ip = ipaddress.ip_address(address)
    blocks = [each["ipBlock"] for each in rule["to"] if "ipBlock" in each]
    return any(
        ip in ipaddress.ip_network(block["cidr"])
        and not any(ip in ipaddress.ip_network(out) for out in block.get("except", []))
        for block in blocks
    )


def test_the_clerk_reaches_names_redis_the_collector_and_the_public_internet_alone() -> None:
    objects = render(None, CHART / "ci" / "everything-values.yaml")
    policy = of_kind(objects, "NetworkPolicy")["caravan-clerk"]["spec"]
    assert policy["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "clerk"
    assert policy["policyTypes"] == ["Egress"]
    names, redis, collector, hooks = policy["egress"]
    assert collector == {"ports": [{"port": 4318}], "to": [{"ipBlock": {"cidr": "10.30.0.0/16"}}]}
    assert names == {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    assert redis["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "redis"
    for address in ("93.184.216.34", "2606:2800:220:1::1", "10.20.3.4"):
        assert allowed_to(address, hooks), address
    for address in ("10.96.0.1", "169.254.169.254", "127.0.0.1", "192.168.1.1", "172.20.0.1", "fd00::1", "fe80::1"):
        assert not allowed_to(address, hooks), address


def test_the_clerk_reaches_the_port_of_a_redis_elsewhere_and_its_networks(tmp_path: Path) -> None:
    redis = {"builtin": False, "external": {"urlSecret": {"name": "r"}, "port": 6390, "networks": ["10.1.2.0/24"]}}
    objects = render({"redis": redis}, folder=tmp_path)
    _, rule, _ = of_kind(objects, "NetworkPolicy")["caravan-clerk"]["spec"]["egress"]
    assert rule == {"ports": [{"port": 6390}], "to": [{"ipBlock": {"cidr": "10.1.2.0/24"}}]}


def test_whoever_needs_redis_gets_the_sentinels_password_and_the_clerk_reaches_them(tmp_path: Path) -> None:
    own = {"user": "me", "passwordSecret": {"name": "s", "key": "k"}}
    sentinel = {"name": "main", "addresses": ["a.test:26379", "b.test:26379", "c.test:5000"], **own}
    external = {"urlSecret": {"name": "r"}, "networks": ["10.1.2.0/24"], "sentinel": sentinel}
    objects = render({"redis": {"builtin": False, "external": external}}, folder=tmp_path)
    for name, deployed in of_kind(objects, "Deployment").items():
        (container,) = deployed["spec"]["template"]["spec"]["containers"]
        made = {each["name"]: each for each in container["env"]}
        assert made["CARAVAN_SENTINEL_USER"]["value"] == "me", name
        assert made["CARAVAN_SENTINEL_PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "s", "key": "k"}, name
    _, rule, _ = of_kind(objects, "NetworkPolicy")["caravan-clerk"]["spec"]["egress"]
    assert rule == {
        "ports": [{"port": 6379}, {"port": 26379}, {"port": 5000}],
        "to": [{"ipBlock": {"cidr": "10.1.2.0/24"}}],
    }
