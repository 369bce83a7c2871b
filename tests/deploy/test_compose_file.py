"""What can be said of the Compose file without an engine; `make test-compose` tries it on one."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tasks.models.catalogue import load
from tasks.settings import Settings
from tests.deploy.chart import CHART, HOUSE, pods, render

FOLDER = HOUSE / "deploy"
TEXT = (FOLDER / "docker-compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ALWAYS = {name: service for name, service in SERVICES.items() if "profiles" not in service}
SECRETS = (
    *("REDIS_PASSWORD", "CARAVAN_ADMIN_KEY", "CARAVAN_METRICS_KEY", "CARAVAN_FLOWER_PASSWORD", "GRAFANA_PASSWORD"),
)
SECRET = re.compile(r"\${([A-Z_]*(?:PASSWORD|KEY|SECRET))[:}]")
OURS = [(name, {"command": "", **service}) for name, service in SERVICES.items()]
SETTINGS = {f"CARAVAN_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_few_rights_a_limit_and_a_restart(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["mem_limit"]
    assert service["logging"]["options"]["max-size"]


def test_each_of_our_services_waits_for_a_healthy_redis_and_is_no_root() -> None:
    for name in set(ALWAYS) - {"redis"}:
        assert ALWAYS[name]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    for service in ALWAYS.values():
        assert not service["user"].startswith("0")


def test_each_that_always_runs_says_how_it_is() -> None:
    built_in = {"worker-demo"}  # its image's
    assert {name for name, service in ALWAYS.items() if "healthcheck" not in service} == built_in
    assert "HEALTHCHECK" in (FOLDER / "Dockerfile").read_text().split("AS worker")[1]


def test_only_the_webs_port_is_published_and_on_loopback() -> None:
    assert {name for name, service in ALWAYS.items() if service.get("ports")} == {"web"}
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_redis_is_on_a_network_without_a_way_out() -> None:
    assert SERVICES["redis"]["networks"] == ["back"]
    assert FILE["networks"]["back"]["internal"] is True


def test_every_variable_that_ours_get_is_a_setting() -> None:
    given = {name for service in ALWAYS.values() for name in service["environment"] if name.startswith("CARAVAN_")}
    assert given <= SETTINGS


def test_every_variable_that_ours_get_in_the_chart_is_a_setting() -> None:
    elsewhere = {"CARAVAN_URL", "CARAVAN_API_KEY"}  # the command's
    for pod in pods(render(None, CHART / "ci" / "everything-values.yaml")).values():
        for container in pod.get("initContainers", []) + pod["containers"]:
            given = {each["name"] for each in container["env"] if each["name"].startswith("CARAVAN_")}
            assert given <= SETTINGS | elsewhere


def test_the_web_and_the_clerk_share_the_folder_of_files() -> None:
    folders = {
        name: service["environment"]["CARAVAN_FILES_DIR"]
        for name, service in ALWAYS.items()
        if "CARAVAN_FILES_DIR" in service["environment"]
    }
    assert folders == {"web": "/files", "clerk": "/files"}
    for name in folders:
        assert "files:/files" in SERVICES[name]["volumes"]


def test_a_volume_begins_as_a_folder_that_its_user_may_write() -> None:
    """The engine gives a new volume the owner of the image's folder at that place; without one it is root's."""
    made = re.search(r"install -d -o caravan -g caravan (.*)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    assert made is not None
    ours = {name for name, service in ALWAYS.items() if service["user"] == "10001:10001"}
    assert ours == set(ALWAYS) - {"redis"}
    for name in ours:
        for volume in SERVICES[name]["volumes"]:
            source, target, *_ = volume.split(":")
            assert source[0] == "." or (source in FILE["volumes"] and target in made[1].split()), (name, volume)


def test_secrets_have_no_default() -> None:
    example = (FOLDER / ".env.example").read_text()
    for secret in SECRETS:
        assert re.search(rf"\${{{secret}:-", TEXT) is None
        assert f"${{{secret}:?" in TEXT
        assert re.search(rf"^{secret}=$", example, flags=re.MULTILINE)


def test_each_service_has_the_secrets_that_it_needs_and_no_others() -> None:
    given = {name: SECRET.findall(str([service.get("environment"), service["command"]])) for name, service in OURS}
    assert {name: set(found) for name, found in given.items()} == {
        "redis": {"REDIS_PASSWORD"},
        "web": {"REDIS_PASSWORD", "CARAVAN_ADMIN_KEY", "CARAVAN_METRICS_KEY", "CARAVAN_WEBHOOK_SECRET"},
        "worker-demo": {"REDIS_PASSWORD"},
        "worker-gpu": {"REDIS_PASSWORD"},
        "clerk": {"REDIS_PASSWORD", "CARAVAN_WEBHOOK_SECRET", "CARAVAN_WEBHOOK_SHARED_SECRET"},
        "flower": {"REDIS_PASSWORD", "CARAVAN_FLOWER_PASSWORD"},
        "prometheus": {"CARAVAN_METRICS_KEY"},
        "grafana": {"GRAFANA_PASSWORD"},
    }


def test_every_variable_of_the_example_is_used() -> None:
    example = (FOLDER / ".env.example").read_text()
    named = re.findall(r"^#?([A-Z_]+)=", example, flags=re.MULTILINE)
    assert [name for name in named if f"${{{name}" not in TEXT] == []


def test_every_model_has_a_worker() -> None:
    served = [service["command"][1] for name, service in ALWAYS.items() if name.startswith("worker-")]
    assert list(load(FOLDER / "models.yaml")) == served


def test_a_worker_may_take_all_of_its_drain_time() -> None:
    drain = int(re.search(r"CARAVAN_DRAIN_SECONDS:-(\d+)", TEXT)[1])  # type: ignore[index]
    assert int(SERVICES["worker-demo"]["stop_grace_period"].removesuffix("s")) > drain


def test_no_secret_and_no_repository_gets_into_a_build() -> None:
    first, *named = [line for line in (HOUSE / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert first == "*"
    assert not any(line.startswith("!") and (".env" in line or ".git" in line) for line in named)
