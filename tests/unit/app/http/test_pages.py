"""Who gets a page and who gets JSON, and what a page may hold."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.access.scopes import without_key
from app.factory import create_app
from app.http.pages import Link, respond
from tasks.errors import EngineFailure, Overloaded
from tasks.settings import Settings

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
LYNX = "text/html, text/plain, text/sgml, */*;q=0.01"
BROWSERS = [
    pytest.param({"Accept": CHROME, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, id="Chrome"),
    pytest.param({"Accept": FIREFOX}, id="Firefox over plain HTTP"),
    pytest.param({"Accept": LYNX}, id="lynx"),
    pytest.param({"Accept": "TEXT/HTML"}, id="text/html alone"),
]
PROGRAMS = [
    pytest.param({}, id="no Accept"),
    pytest.param({"Accept": "*/*"}, id="curl"),
    pytest.param({"Accept": "application/json"}, id="JSON"),
    pytest.param({"Accept": "application/json, text/plain, */*"}, id="axios"),
    pytest.param({"Accept": "text/html, application/json;q=0.9"}, id="both"),
    pytest.param({"Accept": "text/html, application/problem+json"}, id="a kind of JSON"),
    pytest.param({"Accept": "text/html;q=0.1, */*"}, id="rather anything else"),
    pytest.param({"Accept": "text/html;q=0, */*"}, id="no page"),
    pytest.param({"Accept": "text/*"}, id="any text"),
    pytest.param({"Accept": "text/event-stream"}, id="a stream"),
    pytest.param({"Accept": CHROME, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}, id="a page's script"),
    pytest.param({"Accept": CHROME, "Authorization": "Bearer cvn-x"}, id="with a key"),
    pytest.param({"Accept": CHROME, "Content-Type": "application/json"}, id="that sends JSON"),
    pytest.param({"Accept": ";,=,text"}, id="nonsense"),
]
PATHS = [("/", 200), ("/nowhere", 404), ("/queues/demo/pause", 405), ("/docs/x", 404)]


def make(**settings: Any) -> FlaskClient:
    return create_app(Settings(models_file=None, **settings)).test_client()


@pytest.fixture(scope="module")
def http() -> FlaskClient:
    return make()


class Page(HTMLParser):
    """The tags of a page, and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    @property
    def leads_to(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "href"]


@pytest.mark.parametrize(("path", "status"), PATHS)
@pytest.mark.parametrize("headers", BROWSERS)
def test_a_browser_gets_a_page(http: FlaskClient, path: str, status: int, headers: dict[str, str]) -> None:
    answer = http.get(path, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8")
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(("path", "status"), PATHS)
@pytest.mark.parametrize("headers", PROGRAMS)
def test_a_program_gets_json(http: FlaskClient, path: str, status: int, headers: dict[str, str]) -> None:
    answer = http.get(path, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, "application/json")
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_what_changes_something_is_answered_with_json(http: FlaskClient, method: str) -> None:
    assert http.open("/nowhere", method=method, headers={"Accept": CHROME}).content_type == "application/json"


@pytest.mark.parametrize("path", [path for path, _ in PATHS if path != "/"])
def test_a_page_has_no_script_and_asks_nobody(http: FlaskClient, path: str) -> None:
    answer = http.get(path, headers={"Accept": CHROME})
    page = Page(answer.text)
    assert set(page.tags) <= {"html", "head", "meta", "title", "style", "body", "h1", "p", "ul", "li", "a"}
    assert {name for name, _ in page.attributes} <= {"lang", "charset", "name", "content", "href"}
    style = re.search(r"<style>(.*?)</style>", answer.text)
    assert style
    hashed = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert sorted(policy) == [
        "base-uri 'none'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        f"style-src 'sha256-{hashed}'",
    ]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize(("depth", "path"), [(0, "/jobs"), (1, "/jobs/x"), (2, "/jobs/x/events")])
def test_links_are_relative_so_that_a_prefix_of_a_proxys_stays(depth: int, path: str) -> None:
    answer = respond("Title", [], [Link("/docs", "all calls")], path=path)
    assert Page(answer.get_data(as_text=True)).leads_to == ["../" * depth + "docs" if depth else "./docs"]


def test_a_program_is_told_where_things_are(http: FlaskClient) -> None:
    paths = http.get("/").get_json()["links"]
    assert paths == {
        "console": "/", "docs": "/docs", "openapi": "/openapi.json", "readiness": "/readyz", "models": "/models"
    }  # fmt: skip
    assert http.get("/docs").status_code == http.get("/openapi.json").status_code == 200


def test_flower_is_named_where_it_is() -> None:
    http = make(flower_url="http://127.0.0.1:9")
    assert http.get("/").get_json()["links"]["flower"] == "/flower/"
    assert "./flower/" in Page(http.get("/", headers={"Accept": CHROME}).text).leads_to


def test_without_a_key_a_program_is_told_where_things_are_and_a_browser_what_is_missing() -> None:
    http = make(keys=True, admin_key="k" * 40)
    assert http.get("/").status_code == 200
    refused = http.get("/docs", headers={"Accept": CHROME})
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="caravan"')
    assert "Send an API key" in refused.text
    assert "Sign in on the console" in refused.text
    assert http.get("/docs").get_json()["error"]["code"] == "invalid_api_key"


def test_another_name_is_refused_with_a_page() -> None:
    refused = make().get("/", headers={"Accept": CHROME, "Host": "evil.example"})
    assert (refused.status_code, "foreign_host" in refused.text) == (403, True)
    assert "evil" not in refused.text


@pytest.mark.parametrize("error", [Overloaded("Too much."), EngineFailure("Broken.")])
def test_a_failure_has_the_same_headers_on_a_page(error: Any) -> None:
    app = create_app(Settings(models_file=None))

    def fails() -> str:
        raise error

    app.add_url_rule("/fails", view_func=without_key(fails))
    shown, told = (app.test_client().get("/fails", headers={"Accept": kind}) for kind in (CHROME, "*/*"))
    assert shown.status_code == told.status_code == error.http_status
    for name in ("Retry-After", "X-Should-Retry"):
        assert shown.headers.get(name) == told.headers.get(name)
    assert error.message in shown.text
    assert ("Try again in 5 seconds." in shown.text) == isinstance(error, Overloaded)


def test_what_a_client_sent_is_text_on_a_page(http: FlaskClient) -> None:
    marked = "<b onclick='x'>&\"" + "y" * 400
    answer = http.get("/jobs", query_string={marked: "1"}, headers={"Accept": CHROME})
    assert answer.status_code == 400
    assert "b" not in Page(answer.text).tags
    assert "&lt;b onclick=&#39;x&#39;&gt;&amp;&#34;" in answer.text
    assert "y" * 200 not in answer.text


def test_a_head_is_answered_as_a_get_without_its_body(http: FlaskClient) -> None:
    answer = http.head("/", headers={"Accept": CHROME})
    assert (answer.status_code, answer.content_type, answer.data) == (200, "text/html; charset=utf-8", b"")
