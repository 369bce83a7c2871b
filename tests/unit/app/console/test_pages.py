"""Pages and their files, as they are served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.console import assets
from app.console.pages import PAGES, way_up
from app.factory import create_app
from tasks.settings import Settings

HTML = {"Accept": "text/html"}
FOLDER = Path(assets.__file__).parent
FILES = assets.read()
ADDRESSES = {page.name: re.sub(r"<\w+>", "x", page.path) for page in PAGES}


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    return create_app(Settings(models_file=None)).test_client()


@pytest.mark.parametrize(
    ("path", "up"),
    [("/", "./"), ("/console/jobs", "../"), ("/console/jobs/x", "../../"), ("/console/a/b/c", "../../../")],
)
def test_every_link_leads_up_to_the_first_page_by_itself(path: str, up: str) -> None:
    assert way_up(path) == up


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_page_names_files_that_there_are_by_relative_paths(http: FlaskClient, name: str) -> None:
    shown = http.get(ADDRESSES[name], headers=HTML)
    assert (shown.status_code, shown.headers["Cache-Control"]) == (200, "no-store")
    up = re.escape(way_up(ADDRESSES[name]))
    named = re.findall(rf'(?:src|href)="{up}console/static/{FILES.version}/([^"]+)"', shown.text)
    assert {f"{name}/page.js", "shared/console.css", "shared/frame.js"} <= set(named) <= set(FILES.files)
    assert re.findall(r'(?:src|href)="(?:/|https?:)', shown.text) == []


@pytest.mark.parametrize("path", sorted(FILES.files))
def test_a_file_is_kept_for_as_long_as_it_is_the_same(http: FlaskClient, path: str) -> None:
    ours = http.get(f"/console/static/{FILES.version}/{path}")
    assert (ours.status_code, ours.data) == (200, FILES.files[path])
    assert ours.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    others = http.get(f"/console/static/0000/{path}")
    assert (others.data, others.headers["Cache-Control"]) == (ours.data, "no-cache")
    again = http.get(f"/console/static/0000/{path}", headers={"If-None-Match": others.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["none.js", "../pages.py", "pages.py", "overview/page.html", "%2e%2e/assets.py"])
def test_nothing_else_is_served(http: FlaskClient, path: str) -> None:
    assert http.get(f"/console/static/{FILES.version}/{path}").status_code == 404


@pytest.mark.parametrize("path", sorted(path for path in FILES.files if path.endswith(".js")))
def test_a_module_imports_what_there_is_and_nothing_from_elsewhere(path: str) -> None:
    text = FILES.files[path].decode()
    for imported in re.findall(r'(?:from|import) "([^"]+)"', text):
        assert imported.startswith(("./", "../"))
        assert ((FOLDER / path).parent / imported).resolve().is_file(), imported


@pytest.mark.parametrize("path", sorted(path for path in FILES.files if path.endswith(".js")))
def test_no_module_makes_markup_of_a_text(path: str) -> None:
    text = FILES.files[path].decode()
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setHTML", text) == []


def test_a_page_for_admins_is_in_the_menu_of_nobody_else(http: FlaskClient) -> None:
    assert ">Keys</a>" in http.get("/", headers=HTML).text  # keys are off: everybody is an admin
