"""The client as a distribution of its own: what is in it, what it needs, and that no module of a user's disturbs it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import distributions
from tests.support.cluster import Cluster
from tests.support.distributions import HOUSE
from tests.support.documented import OF_THE_CLIENT
from tests.support.pages import blocks

OF_USERS = ("app", "tasks", "redis", "celery", "client", "errors", "texts", "urls", "deploy")
"""Modules that a user's folder may have; each says so, and what is imported from elsewhere does not."""
OF_HTTPX = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "typing_extensions"}
ABSENT = set() if sys.version_info < (3, 13) else {"typing_extensions"}
"""What httpx needs on older Pythons only."""
ELSEWHERE = """
import caravan_client
for each in (caravan_client.AsyncClient, caravan_client.Client):
    each.__init__.__defaults__ = ("{url}", None)
"""
USE = """
import sys
import app, tasks, redis, celery
from caravan_client import AsyncClient, Client
from caravan_client.errors import ModelNotFound

assert {each.WHOSE for each in (app, tasks, redis, celery)} == {"a user's"}
with Client(sys.argv[1], model="demo") as caravan:
    print(caravan.ask("What is the capital of Peru?", temperature=0))
    print("".join(event.text for event in caravan.stream(caravan.submit("What is 2 + 3?", temperature=0))))
    try:
        caravan.ask("Hello", model="nobody")
    except ModelNotFound as exc:
        print(exc.code)
"""


@dataclass(frozen=True, slots=True)
class Wheels:
    """The wheel of each distribution."""

    whole: Path
    client: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    folder = tmp_path_factory.mktemp("distributions")
    return Wheels(distributions.build_wheel("", folder), distributions.build_wheel("app/client", folder))


@pytest.fixture(scope="module")
def python(wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the client, what the client needs, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    found = distributions.empty_environment(folder / "venv")
    distributions.install(wheels.client, found, folder)
    return found


def test_the_clients_wheel_has_one_package_of_python_for_every_machine(wheels: Wheels) -> None:
    paths = distributions.files(wheels.client)
    assert {path.split("/")[0] for path in paths if ".dist-info/" not in path} == {"caravan_client"}
    assert {Path(path).suffix for path in paths if ".dist-info/" not in path} == {".py", ".typed"}
    assert wheels.client.name.endswith("-py3-none-any.whl")
    assert any(path.endswith("/LICENSE") for path in paths)


def test_caravans_wheel_has_the_same_client_under_the_same_name(wheels: Wheels) -> None:
    whole, alone = (set(distributions.files(wheel)) for wheel in (wheels.whole, wheels.client))
    assert {path.split("/")[0] for path in whole if ".dist-info/" not in path} == {"app", "caravan_client", "tasks"}
    ours = {path for path in alone if path.startswith("caravan_client/")}
    assert {path for path in whole if path.startswith("caravan_client/")} == ours
    assert not [path for path in whole if path.startswith("app/client")]


def test_both_have_one_version_and_the_client_depends_on_httpx_alone(wheels: Wheels) -> None:
    whole, alone = distributions.metadata(wheels.whole), distributions.metadata(wheels.client)
    assert whole["Version"] == alone["Version"]
    assert alone.get_all("Requires-Dist") == ["httpx>=0.28"]
    assert (HOUSE / "app/client/LICENSE").read_text() == (HOUSE / "LICENSE").read_text()


def test_an_environment_of_the_client_has_httpx_and_what_that_needs(python: Path) -> None:
    others = distributions.installed(python) - {"llama-caravan-client"}
    assert {name.replace("-", "_") for name in others} == OF_HTTPX - ABSENT


def test_importing_it_loads_the_standard_library_and_httpx_alone(python: Path) -> None:
    code = "import caravan_client, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(distributions.run([str(python), "-c", code]).split())
    ours = {name for name in loaded - set(sys.stdlib_module_names) if not name.startswith("_")}
    assert ours - OF_HTTPX == {"caravan_client"}


def test_it_works_beside_a_users_modules(python: Path, cluster: Cluster, tmp_path: Path) -> None:
    for name in OF_USERS:
        (tmp_path / f"{name}.py").write_text('WHOSE = "a user\'s"\n')
    (tmp_path / "main.py").write_text(USE)
    said = distributions.run([str(python), "main.py", cluster.url], cwd=tmp_path)
    assert said.splitlines() == ["The capital of Peru is Lima.", "2 + 3 = 5.", "model_not_found"]


def snippets() -> list[tuple[str, str]]:
    """Every piece of Python in the pages that uses the client, with the page."""
    found = [block for page in OF_THE_CLIENT for block in blocks(page) if block.language == "python"]
    return [(block.page, block.text) for block in found if "caravan_client" in block.text]


def test_the_pages_show_the_client() -> None:
    assert {page for page, _ in snippets()} == set(OF_THE_CLIENT)


@pytest.mark.parametrize(("page", "snippet"), snippets())
def test_what_a_page_shows_runs_as_it_is_written(
    page: str, snippet: str, python: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """Against the tests' cluster, whose port is another. What needs pydantic runs where that is installed."""
    (tmp_path / "main.py").write_text(
        ELSEWHERE.format(url=cluster.url) + snippet.replace("http://127.0.0.1:8000", cluster.url)
    )
    interpreter = sys.executable if "pydantic" in snippet else str(python)
    assert distributions.run([interpreter, "main.py"], cwd=tmp_path).strip()
