"""What pages show to be typed to helm and Docker names what there is; to run it takes a Kubernetes or an engine."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml

from tests.deploy.chart import HOUSE, KUBERNETES, helm
from tests.support.documented import shown
from tests.support.pages import PAGES, spans

COMPOSE = "docker compose --file deploy/docker-compose.yml "
SERVICE = re.compile(r"(?:exec|run) (?:--entrypoint sh |-\S+ )*([\w-]+)")


def typed(program: str) -> list[str]:
    """What pages show of a program, in blocks and within sentences."""
    blocks = [command for _, command in shown()]
    return [text for text in (*blocks, *(span for page in PAGES for span in spans(page))) if text.startswith(program)]


@pytest.mark.parametrize("command", typed("helm install "))
def test_an_installation_by_helm_renders(command: str) -> None:
    _, _, release, chart, *options = shlex.split(command.replace("\\\n", " "))
    options = [option for option in options if option != "--create-namespace"]
    text = helm("template", release, HOUSE / chart, "--kube-version", KUBERNETES, *options)
    images = {option.split("=")[1] for option in options if option.startswith("images.")}
    assert [image for image in images if image not in text] == []


def test_services_of_compose_that_are_named_are_there() -> None:
    named = {found[1] for command in typed(COMPOSE) if (found := SERVICE.search(command))}
    assert {"redis", "worker-demo"} <= named
    assert named <= set(yaml.safe_load((HOUSE / "deploy/docker-compose.yml").read_text())["services"])


def test_the_volume_that_a_restore_removes_is_that_of_redis() -> None:
    compose = yaml.safe_load((HOUSE / "deploy/docker-compose.yml").read_text())
    (command,) = typed("docker volume rm ")
    folder, _, volume = command.split()[-1].partition("_")
    assert folder == compose.get("name", "deploy")
    assert f"{volume}:/data" in compose["services"]["redis"]["volumes"]
